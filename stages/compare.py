"""Stage compare: all recipes in one table, beside what their authors printed."""

import os

from src.common.errors import run


def main() -> None:
    import pandas as pd

    from src import tracking
    from src.common import paths
    from src.common.files import atomic_file, read_json, write_csv, write_json
    from src.config.params import load_params
    from src.models import artifacts
    from src.reporting import comparison, report
    from src.reporting.published import judge

    params = load_params()
    test = read_json(paths.TEST, "evaluate")
    by_epoch = {name: pd.read_csv(paths.PREDICTIONS / name / "by_epoch.csv") for name in test}
    records = {name: artifacts.load_record(paths.MODELS / name) for name in test}
    dataset = next(iter(records.values()))["dataset"]
    with tracking.background_logger() as log:
        histories = {name: artifacts.load_history(paths.MODELS / name) for name in test}
        judged = []
        if dataset["name"] == "mnist":  # the authors' figures are about nothing else
            for name in test:
                judged += judge(
                    name,
                    params.models[name].published,
                    records[name],
                    {row["epoch"]: row["loss"] for row in histories[name]},
                    test[name],
                    dict(by_epoch[name].itertuples(index=False)),
                )
        table = comparison.compare(records, test, judged)
        predictions = {
            name: pd.read_csv(paths.PREDICTIONS / name / "test.csv") for name in table.recipe[:2]
        }
        summary = comparison.summarize(table, dataset, predictions)
        published = comparison.published_table(judged)
        text = report.to_markdown(table, published, summary)
        write_csv(paths.TEST_BY_EPOCH, pd.concat(by_epoch, names=["recipe"]).reset_index("recipe"))
        write_csv(paths.COMPARISON, table)
        write_csv(paths.VALIDATION, comparison.validation_curves(histories))
        write_csv(paths.PUBLISHED, published)
        with atomic_file(paths.COMPARISON_TEXT) as partial:
            partial.write_text(text, "utf-8")
        write_json(paths.SUMMARY, summary)
        log("sync", comparison=True)
    if "TABLE_FOLLOWS" not in os.environ:  # `make repro` shows it at the very end
        report.show(table, published, summary)


if __name__ == "__main__":
    run(main)
