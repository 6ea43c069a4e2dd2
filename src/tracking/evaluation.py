"""The test results of a model, logged to the run of its training."""

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from src.common.files import json_sha256, sha256
from src.common.paths import RECIPE_PLOTS
from src.tracking.models import model_id

DIGEST = "results_sha256"  # a tag with the digest of what was logged, set last


def log_test_results(client: Any, run: Any, name: str, test: dict[str, Any]) -> bool:
    """Log test metrics and plots to the run of a training, unless it has them.

    Args:
        client: of the store.
        run: of the training to the same weights.
        name: of the recipe.
        test: its entry in ``metrics/test.json``.

    Returns:
        Whether anything was logged.
    """
    from mlflow.entities import Metric

    plots = {folder.name: folder / f"{name}.png" for folder in RECIPE_PLOTS}
    plots = {kind: path for kind, path in plots.items() if path.exists()}
    digest = json_sha256([test, {kind: sha256(path) for kind, path in plots.items()}])
    if run.data.tags.get(DIGEST) == digest:
        return False
    numbers = {f"test_{k}": v for k, v in test.items() if isinstance(v, int | float)}
    new = {k: v for k, v in numbers.items() if run.data.metrics.get(k) != v}
    now, step = int(1000 * time.time()), 0  # MLflow draws a bar chart for step 0 only
    client.log_batch(
        run.info.run_id, [Metric(k, v, now, step, model_id(run)) for k, v in new.items()]
    )
    for kind, path in plots.items():
        with tempfile.TemporaryDirectory() as folder:
            renamed = shutil.copyfile(path, Path(folder, f"{kind}.png"))
            client.log_artifact(run.info.run_id, str(renamed), "plots")
    client.set_tag(run.info.run_id, DIGEST, digest)
    return True
