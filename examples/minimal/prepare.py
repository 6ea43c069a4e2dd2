"""Stage prepare: writes scikit-learn's 1,797 digits to data/, in three splits."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

digits = load_digits()
images, labels = digits.images.astype("uint8"), digits.target.astype("uint8")  # 0 to 16; 0 to 9
# Constants, not parameters: accuracies on different splits could not be compared.
rest, test = train_test_split(range(len(labels)), test_size=300, random_state=1)
train, validation = train_test_split(rest, test_size=300, random_state=1)
Path("data").mkdir(exist_ok=True)
for name, rows in {"train": train, "validation": validation, "test": test}.items():
    np.savez(f"data/{name}.npz", images=images[rows], labels=labels[rows])
