import numpy as np
import pytest

from models import MODELS, build, fit

DATA = {"images": np.arange(64 * 64).reshape(64, 8, 8) % 17, "labels": np.arange(64) % 10}


@pytest.mark.parametrize("name", MODELS)
def test_the_same_seed_gives_the_same_model(name):
    first, second = (fit(name, DATA, DATA, epochs=1, learning_rate=0.01, seed=1) for _ in range(2))
    assert first[1] == second[1]


def test_a_wrong_name_gives_one_sentence():
    with pytest.raises(SystemExit, match=f"'mpl'; choose one of {', '.join(MODELS)}$"):
        build("mpl")
