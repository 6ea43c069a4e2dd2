"""The MLflow run of a training: creates it, adds rows, completes it from files, adds test results.

A run belongs to the training of the same recipe that started at the same time, in milliseconds; if
this time is not known, because the training ran elsewhere, to that with the same weights. Each step
can be repeated, so that a run that is not complete can be continued.
"""

import json
import shlex
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from src.common.errors import PipelineError
from src.common.files import json_sha256, sha256
from src.common.paths import PROCESSED, RECIPE_PLOTS, SPLIT_FOLDERS
from src.config.yaml_files import flat
from src.data.splits import load_dataset_info
from src.models.artifacts import HISTORY, MODEL, RECORD, load_history
from src.models.record import Record, RunConfig, stage_name
from src.tracking.notes import Note, new_note, newest_note
from src.tracking.store import DESCRIPTION_TAG, experiment_id

LOADER = Path(__file__).with_name("pyfunc_model.py")  # not imported here: it imports Keras
REQUIREMENTS = ("mlflow", "tensorflow", "keras", "numpy")  # of the model
RESULTS_TAG = "results_sha256"  # the digest of the test results
NAMES_PARAMETER = "class_names_sha256"  # of the logged model
Row = dict[str, float]  # metrics, their ``step``, and their time ``at``: milliseconds since 1970
MAX_TEXT = 5000  # characters: MLflow's limit for a tag; that for a parameter is not lower


def find_run(client: Any, config: RunConfig, condition: str) -> Any:
    """The newest run of a recipe for which a condition of MLflow's search holds, or None."""
    search = f"tags.recipe = '{config['name']}' and {condition}"
    experiment = experiment_id(client, config["dataset"])
    return next(iter(client.search_runs([experiment], search, max_results=1)), None)


def open_run(client: Any, config: RunConfig, note: Note) -> Any:
    """The run of a training, created if necessary, with its parameters and datasets."""
    from mlflow.entities import Param

    run = find_run(client, config, f"start_time = {note['start']}")
    if run is None:
        experiment, tags = experiment_id(client, config["dataset"]), run_tags(config, note)
        run = client.create_run(experiment, note["start"], tags, config["name"])
    run_id = run.info.run_id
    client.update_run(run_id, "RUNNING")
    client.log_batch(run_id, params=[Param(*each) for each in parameters(config).items()])
    splits = [dataset_input(config["dataset"], split) for split in ("train", "validation")]
    client.log_inputs(run_id, splits)
    return run


def sync_run(client: Any, folder: Path, record: Record) -> Any:
    """The run of the newest training to these weights, completed if anything was missing.

    If the training did not run on this machine, its run gets the present time, and the tag
    ``restored``.
    """
    weights = record["weights_sha256"]
    note = newest_note(record, weights_sha256=weights)
    same = f"start_time = {note['start']}" if note else f"tags.weights_sha256 = '{weights}'"
    run = find_run(client, record, same)
    model = find_model(client, run, record) if run else None
    if model and run.info.status == "FINISHED":
        return run
    if note is None:
        note = new_note(None)
        note["start"] = run.info.start_time if run else note["start"]
    run = open_run(client, record, note)
    run_id, rows, seconds = run.info.run_id, load_history(folder), note["seconds"]
    client.set_tag(run_id, "weights_sha256", weights)
    times = {each.step: each.timestamp for each in client.get_metric_history(run_id, "val_loss")}
    for row, elapsed in zip(rows, [*accumulate(seconds)] or [0] * len(rows), strict=True):
        row["at"] = times.get(int(row["step"]), note["start"] + 1000 * elapsed)
    log_rows(client, run, record, [row for row in rows if int(row["step"]) not in times])
    for name in (RECORD, HISTORY):
        client.log_artifact(run_id, str(folder / name))
    last = rows[-1:]
    if seconds:  # a bar, not a curve
        last.append({"training_seconds": sum(seconds), "at": rows[-1]["at"], "step": 0})
    log_rows(client, run, record, last, model or log_model(client, run, folder, record))
    client.set_terminated(run_id, end_time=int(rows[-1]["at"]))
    return client.get_run(run_id)


def log_rows(
    client: Any, run: Any, config: RunConfig, rows: Sequence[Row], model: str | None = None
) -> None:
    """Log metrics, linked to the split that each was measured on, and to a model."""
    from mlflow.entities import Metric

    splits = {split: dataset_input(config["dataset"], split).dataset for split in SPLIT_FOLDERS}
    metrics = []
    for row in rows:
        for name in row.keys() - {"epoch", "step", "at"}:
            split = {"val": "validation", "test": "test"}.get(name.split("_")[0], "train")
            link = model, splits[split].name, splits[split].digest, run.info.run_id
            # MLflow sorts the charts by name; that of the learning rate shall not be the first.
            key = name.replace("learning_rate", "train_learning_rate")
            metrics.append(Metric(key, row[name], int(row["at"]), int(row["step"]), *link))
    client.log_batch(run.info.run_id, metrics)


def log_test_results(client: Any, run: Any, record: Record, test: dict[str, Any]) -> None:
    """Log test metrics and plots, unless the run has the same.

    ``test`` is the entry of the recipe in ``metrics/test.json``, of the same weights.
    """
    from PIL import Image

    plots = [folder / f"{record['name']}.png" for folder in RECIPE_PLOTS]
    plots = [path for path in plots if path.exists()]
    data, run_id = dataset_input(record["dataset"], "test"), run.info.run_id
    digest = json_sha256([test, data.dataset.digest, [sha256(path) for path in plots]])
    if run.data.tags.get(RESULTS_TAG) == digest:
        return
    client.log_inputs(run_id, [data])
    row = {f"test_{key}": x for key, x in test.items() if isinstance(x, int | float)}
    row |= {"at": 1000 * time.time(), "step": 0}
    log_rows(client, run, record, [row], find_model(client, run, record))
    for path in plots:
        with Image.open(path) as image:
            client.log_image(run_id, image, f"plots/{path.parent.name}.png")
    client.set_tag(run_id, RESULTS_TAG, digest)


def find_model(client: Any, run: Any, record: Record) -> str | None:
    """The id of the complete model of a run, or None.

    A model that was logged with other class names is deleted, because it predicts them.
    """
    source = f"source_run_id = '{run.info.run_id}'"
    for model in client.search_logged_models([run.info.experiment_id], source):
        if model.params.get(NAMES_PARAMETER) != _class_names(record):
            client.delete_logged_model(model.model_id)
        elif model.status == "READY":
            return str(model.model_id)
    return None


def _class_names(record: Record) -> str:
    return json_sha256(record["dataset"]["class_names"])[:12]


def log_model(client: Any, run: Any, folder: Path, record: Record) -> str:
    """Log ``model.keras`` to a run, unchanged and without importing TensorFlow; return its id.

    ``mlflow.pyfunc.log_model`` would load the model to try the example, and link metrics to the
    model without their datasets.
    """
    import mlflow.pyfunc
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus
    from mlflow.models import Model, infer_signature

    experiment, run_id, data = run.info.experiment_id, run.info.run_id, record["dataset"]
    settings = parameters(record) | {NAMES_PARAMETER: _class_names(record)}
    model_id = client.create_logged_model(experiment, "model", run_id, params=settings).model_id
    client.log_outputs(run_id, [LoggedModelOutput(model_id, record["steps"])])
    # No inputs: MLflow's server would change other types to those of the signature, so images that
    # were divided by 255 would be black. The code checks its input.
    outputs = {"class": np.zeros(1, "int64"), "label": np.array(["a"])}
    outputs["probabilities"] = np.zeros((1, data["classes"]), "float32")
    path = _file_of(data, "validation", "images.npy")
    example = np.load(path, mmap_mode="r", allow_pickle=False)[:1] if path else None
    with tempfile.TemporaryDirectory() as parent:
        target = str(Path(parent, "model"))
        mlflow.pyfunc.save_model(
            target,
            mlflow_model=Model(run_id=run_id, model_uuid=model_id, model_id=model_id),
            loader_module=LOADER.stem,
            code_paths=[str(LOADER)],
            data_path=str(folder / MODEL),
            model_config={"class_names": data["class_names"]},
            signature=infer_signature(model_output=outputs),
            input_example=example,  # uint8 [1, H, W]
            pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
        )
        client.log_model_artifacts(model_id, target)
    client.finalize_logged_model(model_id, LoggedModelStatus.READY)
    return str(model_id)


def dataset_input(data: dict[str, Any], split: str) -> Any:
    """MLflow's description of a split; ``data`` is ``dataset.json``.

    Its digest depends only on the images and labels of the split, if they are here; otherwise it
    is that of the dataset.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag

    path = _file_of(data, split, "digests.json")
    dataset = Dataset(
        name=f"{data['name']}-{split}",
        digest=(sha256(path) if path else str(data["digest"]))[:8],  # as in MLflow
        source_type="local",
        source=json.dumps({"uri": str(PROCESSED / SPLIT_FOLDERS[split])}),
    )
    context = "training" if split == "train" else split
    return DatasetInput(dataset, [InputTag("mlflow.data.context", context)])


def _file_of(data: dict[str, Any], split: str, name: str) -> Path | None:
    """A file of a split; None if it is missing, or if ``data/processed`` has other data."""
    path = PROCESSED / SPLIT_FOLDERS[split] / f"{split}_{name}"
    with suppress(PipelineError):
        is_same = load_dataset_info(PROCESSED).get("digest") == data["digest"]
        return path if is_same and path.exists() else None
    return None


def parameters(config: RunConfig) -> dict[str, str]:
    """All settings of a recipe, also those with default values, under the names of
    ``recipes.yaml``; the settings in ``train``; and the number of weights, as ``parameters``.
    """
    settings = dict(flat(config["recipe"])) | {"parameters": config["parameters"]}
    settings |= flat(config["train"], "train.")
    return {
        key: (value if isinstance(value, str) else json.dumps(value))[:MAX_TEXT]
        for key, value in settings.items()
        if value is not None
    }


def run_tags(config: RunConfig, note: Note) -> dict[str, str]:
    """The tags of the run of a training."""
    tags = {
        "recipe": config["name"],
        "recipe_sha256": config["recipe_sha256"],
        "dataset_digest": config["dataset"]["digest"],
        "dvc_exp": note["experiment"],
        "changes": json.dumps(note["changes"]) if note["changes"] else "",
        "edited": "true" if note["edited"] else "",
        DESCRIPTION_TAG: description(config, note),
        "mlflow.user": note["user"],
        "mlflow.source.git.commit": note["revision"],
        "mlflow.source.name": f"dvc.yaml:{stage_name(config)}",  # an argument of `dvc repro`
        "mlflow.source.type": "LOCAL",
        "restored": "" if note["environment"] else "true",  # from DVC's cache, or from a remote
    }
    tags |= flat(note["environment"] or {})
    return {name: str(value)[:MAX_TEXT] for name, value in tags.items() if value}


def description(config: RunConfig, note: Note) -> str:
    """The Markdown description of a run: its data, and the commands that reproduce it."""
    counts, stage = config["dataset"]["counts"], stage_name(config)
    text = (
        f"**{config['name']}**, trained on {counts['train']:,} images of "
        f"{config['dataset']['name']}, validated on {counts['validation']:,}."
    )
    if not note["revision"]:
        return text
    changes = "".join(f" -S {shlex.quote(change)}" for change in note["changes"])
    repeat = f"dvc exp run{changes} {stage}" if changes else f"dvc repro {stage}"
    text += f" To reproduce it:\n\n    git checkout {note['revision']}\n    {repeat}"
    if note["edited"]:
        text += "\n    # the result also depends on changes that were not committed"
    return text
