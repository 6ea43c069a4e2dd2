"""Stage train: trains the model that params.yaml selects, and writes it to trained/."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from models import fit

params = yaml.safe_load(Path("params.yaml").read_text())
training, validation = np.load("data/train.npz"), np.load("data/validation.npz")
network, history = fit(params["model"], training, validation, **params["train"])
Path("trained").mkdir(exist_ok=True)
# Only the weights: a .keras file contains the time, so DVC would take it for another result.
network.save_weights("trained/model.weights.h5")
pd.DataFrame(history).to_csv("trained/history.csv", index_label="epoch")
record = {**params, "val_accuracy": history["val_accuracy"][-1]}
Path("trained/training.json").write_text(json.dumps(record, indent=2))
print(f"{params['model']}: validation accuracy {record['val_accuracy']:.4f}")
