from benchmarks.pipeline import copy_stages
from benchmarks.processes import measure_command


def test_the_bare_project_is_up_to_date_and_can_be_reproduced(tmp_path):
    project = copy_stages(tmp_path, 3)
    lock = (project / "dvc.lock").read_text()
    (project / "3").unlink()
    measure_command(project, "dvc", "repro")
    assert (project / "3").read_text() == "a file\n"
    assert (project / "dvc.lock").read_text() == lock
