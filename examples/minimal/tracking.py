"""MLflow: one run per training, and the registered model. No other file imports MLflow.

It reads files, after the training: if MLflow fails, the next `dvc repro` logs without training.
"""

import hashlib
import os
from pathlib import Path

import mlflow
import pandas as pd

NAME = "digits"  # of the experiment and the registered model
# DVC runs queued experiments in a copy of the project; there, DVC_ROOT is still the original.
ROOT = Path(os.environ.get("DVC_ROOT", ".")).resolve()


def connect():
    """Use the server in MLFLOW_TRACKING_URI, or a database next to dvc.yaml."""
    server = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(server or f"sqlite:///{ROOT / 'mlflow.db'}")
    if mlflow.get_experiment_by_name(NAME) is None:
        # Without a server, MLflow would write models to the working directory.
        mlflow.create_experiment(NAME, None if server else (ROOT / "mlruns").as_uri())
    mlflow.set_experiment(NAME)


def run_of_training(record):
    """The id of the run that has these weights; it is created if there is none."""
    weights = hashlib.sha256(Path("trained/model.weights.h5").read_bytes()).hexdigest()
    same = mlflow.search_runs(filter_string=f"tags.weights = '{weights}'", output_format="list")
    if same:
        return same[0].info.run_id
    # MLflow itself adds the git commit. In `dvc repro`, there is no experiment.
    tags = {"weights": weights, "dvc_exp": os.environ.get("DVC_EXP_NAME", "")}
    with mlflow.start_run(run_name=record["model"], tags=tags) as run:
        mlflow.log_params({"model": record["model"], **record["train"]})
        for epoch, row in pd.read_csv("trained/history.csv", index_col="epoch").iterrows():
            mlflow.log_metrics(row.to_dict(), step=epoch)
    return run.info.run_id


def log(record, test_accuracy, network, images, probabilities):
    """Log a trained model. If it is the best on validation, register it as the champion."""
    connect()
    client = mlflow.MlflowClient()
    try:
        champion = client.get_model_version_by_alias(NAME, "champion")
        best = client.get_run(champion.run_id).data.metrics["val_accuracy"]
    except mlflow.MlflowException:  # there is none yet
        best = 0.0
    with mlflow.start_run(run_of_training(record)):
        mlflow.log_metric("test_accuracy", test_accuracy)
        if record["val_accuracy"] <= best:
            return
        model = mlflow.keras.log_model(
            network,
            name=record["model"],
            signature=mlflow.models.infer_signature(images, probabilities),
            pip_requirements="requirements.txt",
            registered_model_name=NAME,
        )
    client.set_registered_model_alias(NAME, "champion", model.registered_model_version)
    print(f"{record['model']} is the champion: version {model.registered_model_version} of {NAME}")
