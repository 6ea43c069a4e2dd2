"""A clone whose committed results come from another kind of processor: README's "Change something".

The other processor is simulated: the committed hashes and weights of the models are other ones.
"""

import json
import re
import time
from pathlib import Path

import pytest
import yaml

from tests.fixtures.checkout import TRAINED

pytestmark = pytest.mark.slow
README = Path(__file__).parent.parent / "README.md"
COMMIT = 'git commit -am "Results on this machine"'


def commands() -> list[str]:
    """The commands of the section, without the comments."""
    section = README.read_text("utf-8").split("## Change something")[1].split("\n## ")[0]
    return [line.split("  #")[0].strip() for line in re.findall(r"^ {4}(\S.*)", section, re.M)]


def trained(output: str) -> list[str]:
    """Return the recipes that a run of DVC trained."""
    return re.findall(r"^(\w+): validation accuracy \S+ after", output, re.MULTILINE)


@pytest.fixture(scope="module")
def clone(tmp_path_factory, copy_trained, shell, edit_params) -> Path:
    """A clone without a cache, of results with other bits."""
    folder = tmp_path_factory.mktemp("other")
    author = copy_trained(folder / "author")
    edit_params(author, models__mlp_200__steps=30)  # of an experiment
    lock = yaml.safe_load((author / "dvc.lock").read_text())
    for family in ("softmax", "mlp", "cnn"):
        (out,) = lock["stages"][f"train@{family}"]["outs"]
        out["md5"] = out["md5"][:-8] + "0000.dir"
    (author / "dvc.lock").write_text(yaml.safe_dump(lock))
    test = json.loads((author / "metrics/test.json").read_text())
    for each in test.values():
        each["weights_sha256"] = each["weights_sha256"][::-1]
    (author / "metrics/test.json").write_text(json.dumps(test))
    shell(["git", "add", "."], author)
    shell(["git", "commit", "-qm", "Results of another processor"], author)
    shell(["git", "clone", "-q", str(author), str(folder / "clone")], folder)
    return folder / "clone"


def test_the_results_are_committed_once_and_nothing_trains_twice(clone, shell):
    output = shell(["dvc", "repro"], clone).stdout
    assert sorted(trained(output)) == sorted(TRAINED)
    last = output[output.index("These results differ") :]
    assert "they come from another kind of processor" in last and COMMIT in last
    first, *others = commands()
    assert first == COMMIT
    shell(["bash", "-c", first], clone)
    assert "another kind" not in shell(["python", "-m", "src.reporting.report"], clone).stdout
    seen = []
    for command in others:
        command = command.replace("make experiments", "python -m src.reporting.experiments")
        output = shell(["bash", "-c", command], clone).stdout
        if command == "dvc queue start":
            wait_for_queue(clone, shell)
        if "exp run" in command and "--queue" not in command:
            seen.append(trained(output))
            assert trained(shell(["bash", "-c", command + " --temp"], clone).stdout) == []
    assert seen == [["cnn"], ["cnn"]]
    shell(["bash", "-c", "git checkout . && dvc checkout"], clone)
    assert "up to date" in shell(["dvc", "repro"], clone).stdout
    again = shell(["dvc", "exp", "run", "--temp", "-S", "model=mlp_65x2"], clone).stdout
    assert trained(again) == []


def wait_for_queue(checkout: Path, shell) -> None:
    for _ in range(90):
        status = shell(["dvc", "queue", "status"], checkout).stdout
        assert "Failed" not in status
        if status.count("Success") == 3:
            return
        time.sleep(2)
    pytest.fail(status)
