"""Stage compare: compare all recipes with each other and with the published values."""

import os

from src.common.errors import run


def main() -> None:
    from src.common.paths import PREDICTIONS
    from src.config.published_values import load_published
    from src.evaluation.tables import read_evaluations
    from src.reporting import report
    from src.reporting.agreement import other_processor_note
    from src.reporting.comparison import compare
    from src.reporting.published import compare_with_published
    from src.reporting.seeds import spread_of_seeds
    from src.tracking.sync import sync_within_limit

    published, evaluations = load_published(), read_evaluations(PREDICTIONS)
    values = [
        value
        for name, each in evaluations.items()
        if name in published
        for value in compare_with_published(published[name], each)
    ]
    results = compare(evaluations, values, spread_of_seeds(evaluations))
    report.write(results, evaluations)
    sync_within_limit()
    if "TABLE_FOLLOWS" not in os.environ:  # `make repro` prints the table at the end
        report.show(results)
        if note := other_processor_note(results.table):
            print(note)


if __name__ == "__main__":
    run(main, is_stage=True)
