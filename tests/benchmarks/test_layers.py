"""Both programs of each pair run, and do the same."""

from benchmarks import layers


def test_each_pair_has_a_row(monkeypatch):
    monkeypatch.setattr(layers, "SHAPES", ((4, 16),))
    monkeypatch.setattr(layers, "BATCH", 8)
    monkeypatch.setattr(layers, "CALLS", 1)
    introduction, *rows = layers.measure(1)
    assert "8 images" in introduction
    names = [row.split(" | ")[0].removeprefix("| ") for row in rows]
    assert names == [
        "batch normalization, 4 × 4 × 16",
        "shift, rotation, scale, shear",
        "the same and elastic deformation",
    ]
