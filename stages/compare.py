"""Stage compare: all recipes in one table, beside what their authors printed."""

import os

from src.errors import run


def main() -> None:
    import pandas as pd

    from src import comparison, describe, paths, report, tracking, trained
    from src.data import load_dataset_info
    from src.files import read_json, whole_file, write_csv, write_json
    from src.params import load_params
    from src.published import judge

    params, dataset = load_params(), load_dataset_info(paths.PROCESSED)
    test = read_json(paths.TEST, "evaluate")
    by_epoch = pd.read_csv(paths.TEST_BY_EPOCH).set_index(["recipe", "epoch"]).accuracy
    records = {name: trained.load_record(paths.MODELS / name) for name in test}
    with tracking.beside() as log:
        histories = {name: trained.load_history(paths.MODELS / name) for name in test}
        judged = []
        if dataset["name"] == "mnist":  # the authors' figures are about nothing else
            for name in test:
                judged += judge(
                    name,
                    params.models[name].published,
                    records[name],
                    {row["epoch"]: row["loss"] for row in histories[name]},
                    test[name],
                    by_epoch.get(name, pd.Series()).to_dict(),
                )
        table = comparison.compare(records, test, judged)
        predictions = {
            name: pd.read_csv(paths.PREDICTIONS / f"{name}.csv") for name in table.recipe[:2]
        }
        summary = comparison.summarize(table, dataset, predictions)
        published = comparison.published_table(judged)
        text = report.to_markdown(table, published, summary)
        write_csv(paths.COMPARISON, table)
        write_csv(paths.VALIDATION, comparison.validation_curves(histories))
        write_csv(paths.PUBLISHED, published)
        with whole_file(paths.COMPARISON_TEXT) as partial:
            partial.write_text(text, "utf-8")
        write_json(paths.SUMMARY, summary)
        log(
            "comparison",
            records=records,
            results={name: describe.result_lines(name, test[name], judged) for name in test},
            table=report.readable(table).to_dict("list"),
            text=text,
            best=summary["best"],
            minimum=params.registry.minimum_accuracy,
        )
    if "TABLE_FOLLOWS" not in os.environ:  # `make repro` shows it at the very end
        report.show(table, published, summary)


if __name__ == "__main__":
    run(main)
