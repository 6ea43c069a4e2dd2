"""The comparison of all recipes: a run in MLflow, and results in each description."""

import time
from typing import Any

import pandas as pd

from src.common import paths
from src.common.errors import PipelineError
from src.common.files import json_sha256, read_json
from src.config.params import load_params
from src.models.record import Record
from src.reporting import report
from src.tracking import description
from src.tracking.evaluation import DIGEST
from src.tracking.origin import origin
from src.tracking.registry import register
from src.tracking.runs import find_by_weights
from src.tracking.store import experiment_id
from src.tracking.tags import NOTE, origin_of, origin_tags


class Comparison:
    """The comparison in ``metrics/``.

    Raises:
        PipelineError: a file is missing or damaged, or the models were changed since.
    """

    def __init__(self, test: dict[str, dict[str, Any]], records: dict[str, Record]) -> None:
        """Read the files.

        Args:
            test: ``metrics/test.json``.
            records: ``training.json`` of each recipe in ``models/``.
        """
        summary = read_json(paths.SUMMARY, "compare")
        accuracies = {name: metrics["accuracy"] for name, metrics in test.items()}
        weights = {name: metrics.get("weights_sha256") for name, metrics in test.items()}
        if summary["accuracy"] != accuracies or weights != {
            name: record["weights_sha256"] for name, record in records.items()
        }:
            raise PipelineError(f"{paths.SUMMARY} is older than the models; run `dvc repro`")
        self._test, self._records = test, records
        self._best = records[summary["best"]]
        self._table = report.readable(pd.read_csv(paths.COMPARISON)).to_dict("list")
        self._text = paths.COMPARISON_TEXT.read_text("utf-8")
        self._published = list(pd.read_csv(paths.PUBLISHED).itertuples())
        self._digest = json_sha256([self._table, self._text, weights])

    def log(self, client: Any) -> bool:
        """Log the comparison unless the store has it; return whether anything was logged."""
        experiment = experiment_id(client, self._best["dataset"])
        if client.search_runs([experiment], f"tags.{DIGEST} = '{self._digest}'", max_results=1):
            return False
        for name, record in self._records.items():
            if run := find_by_weights(client, record):
                results = description.result_lines(name, self._test[name], self._published)
                note = description.run_note(record, origin_of(run), results)
                client.set_tag(run.info.run_id, NOTE, note)
        tags = origin_tags(origin()) | {NOTE: self._text, "comparison": "true"}
        name = f"comparison of {len(self._records)}"
        run = client.create_run(experiment, int(1000 * time.time()), tags, name)
        client.log_table(run.info.run_id, self._table, "comparison.json")
        client.log_text(run.info.run_id, self._text, "comparison.md")
        client.set_terminated(run.info.run_id)
        client.set_tag(run.info.run_id, DIGEST, self._digest)
        return True

    def register_best(self, client: Any) -> str:
        """Register the best model; return a sentence that says what was done."""
        return register(client, self._best, load_params().registry.minimum_accuracy)
