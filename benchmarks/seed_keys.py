"""Give the rows of ``metrics/seeds.csv`` the key of the present code.

``python -m benchmarks.seed_keys``, after a change of the code that left the weights as they were:
for the recipes whose results are those of the last commit, bit for bit, on the same machine.
"""

import json

from src.common.errors import run
from src.common.git import committed
from src.common.paths import PREDICTIONS, SEEDS, TEST
from src.config.recipe import results_key
from src.evaluation.tables import read_evaluations, write_csv
from src.reporting.agreement import SAME_BITS, verdicts
from src.reporting.seeds import load_seeds


def main() -> None:
    evaluations, table = read_evaluations(PREDICTIONS), load_seeds()
    now = {name: results.metrics for name, results in evaluations.items()}
    same = verdicts(json.loads(committed(TEST) or "{}"), now, {})
    for name, results in evaluations.items():
        if same.get(name) == SAME_BITS:
            dataset = results.record["dataset"]["name"]
            rows = (table.recipe == name) & (table.dataset == dataset)
            table.loc[rows, "key"] = results_key(results.record, results.test_digest)
            print(f"{name}: {rows.sum()} rows")
        else:
            print(f"{name}: other results than those of the last commit; train the seeds again")
    write_csv(SEEDS, table)


if __name__ == "__main__":
    run(main)
