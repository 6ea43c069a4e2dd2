"""The user edits files while the pipeline runs."""

import os
import subprocess
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def wait_for(text: str, log: Path, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 300
    while text not in log.read_text():
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


@pytest.mark.fault(
    "A parameter, a module or an input of a stage is edited while the stage runs, or replaced by "
    "another file of equal size and time",
    sees="`error: … changed while the stage … ran, so its results … are not recorded; …`",
    then="`dvc repro` runs the stage again, with the edited file",
)
def test_an_edit_during_a_training_is_not_recorded(checkout, environment, shell, edit_params):
    edit_params(checkout, model="mlp_65x2", models__mlp_65x2__epochs=300)
    log, module = checkout / "repro.log", checkout / "src/training/network.py"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["dvc", "repro"], cwd=checkout, env=environment, stdout=output, stderr=output
        )
    wait_for("mlp_65x2: epoch 10,", log, process)
    edited, times = module.with_suffix(".new"), module.stat()
    edited.write_text(module.read_text().swapcase())
    os.utime(edited, ns=(times.st_atime_ns, times.st_mtime_ns))
    edited.replace(module)
    assert process.wait(300) != 0
    assert "error: src/training/network.py changed while the stage train@mlp ran" in log.read_text()
    module.write_text(module.read_text().swapcase() + "# edited\n")
    edit_params(checkout, models__mlp_65x2__epochs=5)
    done = shell(["dvc", "repro"], checkout)
    assert "Running stage 'train@mlp'" in done.stdout
    assert "mlp_65x2: epoch 5," in done.stdout
