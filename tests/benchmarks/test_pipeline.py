"""The bare pipeline that ours is held against."""

from benchmarks.pipeline import command, no_ops


def test_the_bare_pipeline_has_nothing_to_do(tmp_path):
    project = no_ops(tmp_path, 3)
    assert (project / "3").read_text() == "a file\n"
    assert command(project, "dvc", "repro") > 0
    (project / "3").unlink()
    command(project, "dvc", "repro")
    assert (project / "3").exists()
