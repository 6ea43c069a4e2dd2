"""Whether the results of two machines agree: the same bits, or within the spread between seeds."""

import json
from math import sqrt
from typing import Any

import pandas as pd
import yaml
from scipy.stats import t

from src.common.files import read_json
from src.common.git import committed
from src.common.paths import LOCK, MODELS, TEST

LEVEL = 0.95  # the probability that all recipes are within the spread if they differ by chance
SAME_BITS, WITHIN, DIFFERS, UNKNOWN = "same bits", "within the spread", "differs", "unknown spread"
Spreads = dict[str, tuple[float, int]]  # by recipe: standard deviation, degrees of freedom
Tests = dict[str, dict[str, Any]]  # the content of metrics/test.json


def spreads_between_seeds(comparison: pd.DataFrame) -> Spreads:
    """The spread of each recipe in ``metrics/comparison.csv`` that has at least two seeds."""
    if "seeds" not in comparison:
        return {}
    rows = comparison[comparison.seeds.fillna(0) > 1]
    return {row.recipe: (row.seeds_stddev, int(row.seeds) - 1) for row in rows.itertuples()}


def verdicts(before: Tests, now: Tests, spreads: Spreads) -> dict[str, str]:
    """A verdict for each recipe that both have.

    The weights are the same, or the test accuracies differ by at most t × √2 × s, as in
    ``src.reporting.published``.
    """
    names = [name for name in now if name in before]
    level, result = LEVEL ** (1 / max(1, len(names))), {}
    for name in names:
        old, new = before[name], now[name]
        if all(new[key] == old[key] for key in ("weights_sha256", "accuracy")):
            result[name] = SAME_BITS
        elif name not in spreads:
            result[name] = UNKNOWN
        else:
            stddev, degrees_of_freedom = spreads[name]
            limit = float(t.ppf((1 + level) / 2, degrees_of_freedom)) * sqrt(2) * stddev
            close = abs(new["accuracy"] - old["accuracy"]) <= limit
            result[name] = WITHIN if close else DIFFERS
    return result


def other_processor_note(comparison: pd.DataFrame) -> str | None:
    """What to do if the last commit has other results of the same trainings; None if it has not.

    DVC then finds no outputs for ``dvc.lock`` of the commit, and trains again after each
    ``git checkout``. None also if ``comparison`` lacks recipes: a commit would remove them.
    """
    before, families = json.loads(committed(TEST) or "{}"), _families_with_other_outputs()
    if before.keys() - {*comparison.recipe}:
        return None
    names = {path.name for family in families for path in (MODELS / family).glob("*")}
    now = {name: each for name, each in read_json(TEST, "compare").items() if name in names}
    found = verdicts(before, now, spreads_between_seeds(comparison))
    if not {*found.values()} - {SAME_BITS}:
        return None
    agree = "they agree within the spread between seeds"
    if apart := [name for name in found if found[name] == DIFFERS]:
        agree = f"BUT {', '.join(apart)} differ by more than the spread between seeds"
    if unknown := [name for name in found if found[name] == UNKNOWN]:
        agree += f" (that of {', '.join(unknown)} is unknown)"
    return (
        "These results differ from those of the last commit in the last digits, because they come "
        f"from another kind of processor; {agree}. Commit them, so that experiments start from "
        'them: git commit -am "Results on this machine"'
    )


def _families_with_other_outputs() -> list[str]:
    """The families that the last commit trained from the same inputs to other outputs."""
    locks = committed(LOCK), LOCK.read_text("utf-8") if LOCK.exists() else ""
    before, now = ((yaml.safe_load(lock) or {}).get("stages", {}) for lock in locks)
    return [
        name.removeprefix("train@")
        for name, stage in now.items()
        if name.startswith("train@")
        and stage["deps"] == before.get(name, {}).get("deps")
        and stage["outs"] != before[name]["outs"]
    ]
