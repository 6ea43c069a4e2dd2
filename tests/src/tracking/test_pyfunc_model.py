"""The logged model checks its input itself, and MLflow's server accepts only JSON for it."""

import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

SHAPE = (2, 3)
ZEROS = np.zeros((4, *SHAPE), np.uint8)


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.uint16])
def test_integers_from_0_to_255_are_images(kind):
    from src.tracking.pyfunc_model import _checked

    found = _checked((ZEROS + 255).astype(kind), SHAPE)
    assert found.dtype == np.uint8 and (found == 255).all()


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (ZEROS.astype(np.float32), "the values are not integers (float32)"),
        (ZEROS.astype(bool), "the values are not integers (bool)"),
        (ZEROS.astype(int) + 256, "the values are from 256 to 256"),
        (ZEROS.astype(np.int8) - 1, "the values are from -1 to -1"),
        (ZEROS[0], "the shape of the input is (2, 3), not (N, 2, 3)"),
        (ZEROS.reshape(4, 6), "the shape of the input is (4, 6), not (N, 2, 3)"),
        (pd.DataFrame({"a": [1]}), "the input is no array of images (DataFrame)"),
        ([[1]], "the input is no array of images (list)"),
    ],
)
def test_other_input_is_refused(images, message):
    from src.tracking.pyfunc_model import Refused, _checked

    with pytest.raises(Refused) as refused:
        _checked(images, SHAPE)
    refused.value.message = "all pixels; what is wrong"
    sentence = f"{message}; send uint8 images [N, H, W] with values from 0 to 255"
    assert refused.value.message == str(refused.value) == sentence
    assert refused.value.get_http_status_code() == 400


def test_the_installed_server_has_the_names_that_are_changed(monkeypatch):
    from mlflow.pyfunc import scoring_server

    from src.tracking.pyfunc_model import _accept_only_json

    before = {name: getattr(scoring_server, name) for name in dir(scoring_server)}
    copy = SimpleNamespace(**before)
    monkeypatch.setitem(sys.modules, "mlflow.pyfunc.scoring_server", copy)
    _accept_only_json()
    changed = {name for name in before if getattr(copy, name) is not before[name]}
    assert changed == {"CONTENT_TYPES", "CONTENT_TYPE_CSV", "CONTENT_TYPE_PARQUET"}
    assert set(vars(copy)) == set(before)
