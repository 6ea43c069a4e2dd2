"""A clone whose committed results come from another kind of processor: README's "Change something".

The other processor is simulated: the committed hashes and weights of the models are other ones. The
clone has an unusual path, and the pipeline an unusual environment.
"""

import json
import re
import time
from pathlib import Path

import pytest
import yaml

from tests.fixtures.checkout import TRAINED, trained_in

pytestmark = pytest.mark.slow
README = Path(__file__).parent.parent / "README.md"
COMMIT = 'git commit -am "Results on this machine"'
UNUSUAL = {"LC_ALL": "C", "TZ": "Pacific/Chatham", "GIT_CONFIG_GLOBAL": "/dev/null"}
UNUSUAL |= {"HOME": "/proc/nowhere"}  # cannot be written


def commands() -> list[str]:
    """The commands of the section, without the comments."""
    section = README.read_text("utf-8").split("## Change something")[1].split("\n## ")[0]
    return [line.split("  #")[0].strip() for line in re.findall(r"^ {4}(\S.*)", section, re.M)]


@pytest.fixture(scope="module")
def clone(tmp_path_factory, copy_trained, shell) -> Path:
    """A clone without a cache, whose last commit changes the bits of the results."""
    folder = tmp_path_factory.mktemp("other")
    author = copy_trained(folder / "author")
    text = (author / "dvc.lock").read_text()
    for family in ("softmax", "mlp", "cnn"):
        (out,) = yaml.safe_load(text)["stages"][f"train@{family}"]["outs"]
        text = text.replace(out["md5"], out["md5"][:-8] + "0000.dir")
    (author / "dvc.lock").write_text(text)
    test = json.loads((author / "metrics/test.json").read_text())
    for each in test.values():
        each["weights_sha256"] = each["weights_sha256"][::-1]
    (author / "metrics/test.json").write_text(json.dumps(test))
    shell(["git", "commit", "-qam", "Results of another processor"], author)
    clone = folder / "Бег 手書き & 'digits' $HOME"
    shell(["git", "clone", "-q", str(author), str(clone)], folder)
    return clone


def test_a_fresh_clone_trains_only_the_selected_models(clone, shell, logged_trainings):
    done = shell(["dvc", "exp", "run", "-S", "model=softmax"], clone)  # make repro MODEL=softmax
    assert trained_in(done.stdout) == ["softmax", "softmax_normal"]
    assert [name for name, _ in logged_trainings(clone)] == ["softmax", "softmax_normal"]
    test = json.loads((clone / "metrics/test.json").read_text())
    assert sorted(test) == ["softmax", "softmax_normal"]


def test_the_next_run_trains_the_others_and_gives_the_same_bits(clone, shell):
    shell(["git", "checkout", "-q", "params.yaml"], clone)
    done = shell(["dvc", "repro"], clone, **UNUSUAL)
    assert "did not log" not in done.stderr
    assert sorted(trained_in(done.stdout)) == sorted({*TRAINED} - {"softmax", "softmax_normal"})
    last = done.stdout[done.stdout.index("These results differ") :]
    assert "they come from another kind of processor" in last and COMMIT in last
    assert shell(["git", "diff", "--name-only", "HEAD~1"], clone).stdout == ""
    assert (clone / "metrics/timing.csv").exists()


def test_after_the_commit_of_the_results_nothing_is_trained_twice(clone, shell, logged_trainings):
    clone = clone.rename(clone.with_name("clone"))  # in ASCII: DVC runs no queue in other folders
    (clone / "mlflow.db").unlink()  # has absolute paths: docs/mlflow.md
    first, *others = commands()
    assert first == COMMIT
    shell(["bash", "-c", first], clone)
    assert "another kind" not in shell(["python", "-m", "src.reporting.report"], clone).stdout
    for command in others:
        if command.startswith("dvc exp run -S"):  # as the experiment of the trained checkout
            continue
        command = command.replace("make experiments", "python -m src.reporting.experiments")
        shell(["bash", "-c", command.replace("0.001,0.003,0.01", "0.003")], clone)
        if command == "dvc queue start":
            wait_for_queue(clone, shell)
    ((name, experiment),) = logged_trainings(clone)
    assert name == "mlp_200" and experiment
    assert "up to date" in shell(["dvc", "repro"], clone).stdout
    again = shell(["dvc", "exp", "run", "--temp", "-S", "model=mlp_65x2"], clone).stdout
    assert trained_in(again) == []


def wait_for_queue(checkout: Path, shell) -> None:
    for _ in range(90):
        status = shell(["dvc", "queue", "status"], checkout).stdout
        assert "Failed" not in status
        if status.count("Success") == 1:
            return
        time.sleep(2)
    pytest.fail(status)
