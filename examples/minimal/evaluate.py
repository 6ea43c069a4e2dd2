"""Stage evaluate: measures the accuracy on the test split; then logs everything to MLflow."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

import tracking
from models import build

record = json.loads(Path("trained/training.json").read_text())
network = build(record["model"])
network.load_weights("trained/model.weights.h5")
test = np.load("data/test.npz")
probabilities = network.predict(test["images"], verbose=0)
table = pd.DataFrame({"actual": test["labels"], "predicted": probabilities.argmax(axis=1)})
table.to_csv("predictions.csv", index=False)
accuracy = table.eval("actual == predicted").mean()
metrics = {"val_accuracy": record["val_accuracy"], "test_accuracy": accuracy}
Path("metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
tracking.log(record, accuracy, network, test["images"], probabilities)
