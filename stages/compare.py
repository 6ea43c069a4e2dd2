"""Stage compare: compare all recipes with each other and with the published values."""

import os

from src.common.errors import PipelineError, run


def main() -> None:
    import pandas as pd

    from src import tracking
    from src.common import paths
    from src.common.files import read_json
    from src.config.params import load_params
    from src.evaluation.tables import write_csv
    from src.models import artifacts
    from src.reporting import comparison, report, seeds
    from src.reporting.published import compare_with_published

    params, test = load_params(), read_json(paths.TEST, "evaluate")
    if unknown := ", ".join(sorted(test.keys() - params.recipes().keys())):
        raise PipelineError(
            f"{paths.TEST} has results of {unknown}, which {paths.PARAMS} no longer has; run "
            "`dvc repro`"
        )
    folders = {name: paths.PREDICTIONS / name for name in test}
    with tracking.background_logger() as log:
        records = {name: artifacts.load_record(paths.MODELS / name) for name in test}
        histories = {name: artifacts.load_history(paths.MODELS / name) for name in test}
        by_epoch = {name: pd.read_csv(folders[name] / "by_epoch.csv", dtype=float) for name in test}
        published = []
        for name, record in records.items():
            inputs = record, histories[name], test[name], by_epoch[name]
            published += compare_with_published(params.published(name), *inputs)
        spread = seeds.recorded_seeds(records)
        table = comparison.comparison_table(
            records, test, published, lambda name: pd.read_csv(folders[name] / "test.csv"), spread
        )
        summary = comparison.summarize(table, records[table.recipe[0]]["dataset"], test)
        values = comparison.published_table(published)
        write_csv(paths.VALIDATION, comparison.validation_curves(histories))
        write_csv(paths.TEST_BY_EPOCH, pd.concat(by_epoch, names=["recipe"]).reset_index("recipe"))
        report.write(table, values, summary)
        log("sync", comparison=True)
    if "TABLE_FOLLOWS" not in os.environ:  # `make repro` prints the table at the end
        report.show(table, values, summary)


if __name__ == "__main__":
    run(main)
