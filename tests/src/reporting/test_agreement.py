"""Whether the results of two machines agree, and what is said if they have other bits."""

import pandas as pd
import pytest
import yaml

from src.common.files import write_json
from src.common.paths import LOCK, MODELS, TEST
from src.reporting.agreement import other_processor_note, spreads_between_seeds, verdicts

SPREADS = {"cnn": (0.001, 1000)}  # 1.96 × √2 × 0.001 = 0.0028
COMPARISON = pd.DataFrame(
    {"recipe": ["cnn", "mlp_200", "softmax"], "seeds": [1001, 1, None], "seeds_stddev": [0.001] * 3}
)


def result(weights: str, accuracy: float) -> dict:
    return {"weights_sha256": weights, "accuracy": accuracy}


@pytest.mark.parametrize(
    ("weights", "accuracy", "expected"),
    [
        ("a", 0.9, "same bits"),
        ("a", 0.91, "differs"),  # the same weights, but another evaluation
        ("b", 0.9027, "within the spread"),
        ("b", 0.9029, "differs"),
        ("b", 0.8971, "differs"),
    ],
)
def test_verdicts(weights, accuracy, expected):
    before = {"cnn": result("a", 0.9)}
    assert verdicts(before, {"cnn": result(weights, accuracy)}, SPREADS) == {"cnn": expected}


def test_the_limit_is_wider_for_more_recipes_and_unknown_without_seeds():
    assert spreads_between_seeds(COMPARISON) == {"cnn": (0.001, 1000)}
    before, now = ({name: result(w, 0.9) for name in "ab"} for w in "12")
    now["a"]["accuracy"] = 0.9029
    found = verdicts(before, now | {"new": result("b", 0.9)}, {"a": SPREADS["cnn"]})
    assert found == {"a": "within the spread", "b": "unknown spread"}


@pytest.fixture
def write(tmp_path, monkeypatch, shell):
    """Write results of trainings, and the lock file that DVC writes."""
    monkeypatch.chdir(tmp_path)

    def write(output: str, test: dict, plan: str = "same") -> None:
        stages = {}
        for family, recipes in {"cnn": ["cnn"], "mlp": ["mlp_200"], "softmax": ["softmax"]}.items():
            for name in recipes:
                (MODELS / family / name).mkdir(parents=True, exist_ok=True)
            own = output if family != "softmax" else "same"
            deps = [{"path": f"data/plan/{family}.json", "md5": plan}]
            stages[f"train@{family}"] = {"deps": deps, "outs": [{"path": family, "md5": own}]}
        stages["evaluate"] = {"deps": [], "outs": [{"path": "x", "md5": output}]}
        LOCK.write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))
        write_json(TEST, test)

    shell(["git", "init", "-q"], tmp_path)
    write("1", {name: result("a", 0.9) for name in ("cnn", "mlp_200", "softmax")})
    shell(["git", "add", "."], tmp_path)
    shell(["git", "commit", "-qm", "Results"], tmp_path)
    return write


def test_results_with_other_bits_are_to_be_committed(write):
    assert other_processor_note(COMPARISON) is None
    same = {"softmax": result("b", 0.1)}  # its outputs are the same, so its test is of the past
    write("2", same | {"cnn": result("b", 0.9001), "new": result("c", 0.5)})
    note = other_processor_note(COMPARISON)
    assert "they agree within the spread between seeds. Commit them, so that experi" in note
    assert note.endswith('git commit -am "Results on this machine"')
    write("2", {"cnn": result("b", 0.5), "mlp_200": result("b", 0.9)})
    note = other_processor_note(COMPARISON)
    assert "BUT cnn differ by more than the spread between seeds (that of mlp_200 is unk" in note
    assert other_processor_note(COMPARISON[1:]) is None, "a commit would remove the result of cnn"


def test_other_trainings_and_a_repository_without_results_have_no_note(write, tmp_path, shell):
    other = {"cnn": result("b", 0.5)}
    write("2", other, plan="other")
    assert other_processor_note(COMPARISON) is None
    write("2", {"cnn": result("a", 0.9)})  # only the time series of the training differs
    assert other_processor_note(COMPARISON) is None
    write("2", other)
    shell(["git", "rm", "-q", "--cached", "-r", "."], tmp_path)
    shell(["git", "commit", "-qm", "No results"], tmp_path)
    assert other_processor_note(COMPARISON) is None
