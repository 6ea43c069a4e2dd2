"""Stage evaluate: evaluate every trained model on the test split, which no other stage reads."""

from src.common.errors import PipelineError, run


def main() -> None:
    from src.models.device import choose_device  # before scikit-learn: see common/machine.py

    choose_device("auto")
    from src.common import paths
    from src.data.splits import load_split, load_test_digest, load_warnings
    from src.evaluation.evaluation import evaluate_model, write_outputs
    from src.models.artifacts import trained_folders

    test = load_split(paths.PROCESSED, "test")
    if not (folders := trained_folders()):
        raise PipelineError(f"{paths.MODELS} has no trained model; run `dvc repro`")
    digest, warnings = load_test_digest(paths.PROCESSED), load_warnings(paths.PROCESSED)
    evaluations = (evaluate_model(each, test, digest, warnings) for each in folders)
    write_outputs(evaluations, len(folders), test[0])


if __name__ == "__main__":
    run(main, is_stage=True)
