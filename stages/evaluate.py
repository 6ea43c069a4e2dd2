"""Stage evaluate: evaluate every selected model on the test split, which no other stage reads."""

from src.common.errors import PipelineError, run


def main() -> None:
    from src import tracking

    with tracking.background_logger() as log:  # it connects while TensorFlow is imported
        from src.models.device import choose_device  # before scikit-learn: see common/imports.py

        choose_device("auto")
        from src.common import paths
        from src.common.files import read_json
        from src.data.splits import load_split, load_warnings
        from src.evaluation.evaluation import evaluate_model
        from src.evaluation.outputs import write_outputs
        from src.models.artifacts import load_record
        from src.models.checkpoint import Checkpoint

        test = load_split(paths.PROCESSED, "test")
        plans = [read_json(path, "plan") for path in sorted(paths.RECIPES.glob("*.json"))]
        if not (folders := [paths.MODELS / plan["name"] for plan in plans if plan["selected"]]):
            raise PipelineError(f"{paths.RECIPES} has no selected recipe; run `dvc repro plan`")
        warnings = load_warnings(paths.PROCESSED)
        write_outputs((evaluate_model(each, test, warnings) for each in folders), test[0])
        for folder in folders:
            Checkpoint(paths.main_checkout() / paths.CHECKPOINTS, load_record(folder)).prune()
        log("sync")


if __name__ == "__main__":
    run(main)
