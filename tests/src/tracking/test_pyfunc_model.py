"""The logged model checks its input itself: MLflow's server would change it to the right type."""

import numpy as np
import pandas as pd
import pytest

ZEROS = np.zeros((4, 6, 5), np.uint8)


@pytest.fixture(scope="module")
def model(model_file):
    from src.tracking.pyfunc_model import _load_pyfunc

    return _load_pyfunc(str(model_file), {"class_names": list("abc")})


def test_integers_from_0_to_255_are_images(model):
    for kind in (np.uint8, np.int64):
        predicted = model.predict((ZEROS + 255).astype(kind))
        assert predicted["probabilities"].shape == (4, 3)
        assert set(predicted["label"]) <= set("abc")


@pytest.mark.parametrize(
    ("images", "found"),
    [
        (ZEROS.astype(np.float32), r"float32 \[4, 6, 5\]"),
        (ZEROS.astype(int) + 256, r"int64 \[4, 6, 5\]"),
        (ZEROS.astype(int) - 1, r"int64 \[4, 6, 5\]"),
        (ZEROS[0], r"uint8 \[6, 5\]"),
        (pd.DataFrame({"a": [1]}), r"int64 \[1, 1\]"),
    ],
)
def test_other_input_is_refused(model, images, found):
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException, match=f"the input is {found}") as refused:
        model.predict(images)
    assert "send uint8 images [N, 6, 5] with values from 0 to 255" in str(refused.value)
    assert refused.value.get_http_status_code() == 400
