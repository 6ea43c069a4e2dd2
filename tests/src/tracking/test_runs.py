"""What a run says about its training."""

from src.tracking import runs

CONFIG = {
    "name": "cnn",
    "recipe": {"family": "cnn"},
    "recipe_sha256": "ab",
    "dataset": {"name": "mnist", "digest": "d1", "counts": {"train": 55000, "validation": 5000}},
}
NOTE = {"start": 1, "environment": {}, "revision": "abc", "changes": [], "edited": False}
NOTE |= {"experiment": "", "user": "me"}


def test_the_description_has_the_commands_that_reproduce_the_run():
    text = runs.description(CONFIG, NOTE)
    assert text.startswith("**cnn**, trained on 55,000 images of mnist")
    commands = "\n\n    git checkout abc\n    dvc exp run -S model=cnn"
    back = "\n    git switch --discard-changes -  # back to your branch; undoes all changes"
    assert text.endswith(commands + back)
    changes = ["model=[cnn, mlp]", "train.seed=3", "recipes.yaml:cnn.filters=[1, 2]"]
    commands += " -S train.seed=3 -S 'recipes.yaml:cnn.filters=[1, 2]'"
    assert runs.description(CONFIG, NOTE | {"changes": changes}).endswith(commands + back)
    edited = runs.description(CONFIG, NOTE | {"edited": True})
    assert "# the result also depends on changes that were not committed" in edited
    assert "git checkout" not in runs.description(CONFIG, NOTE | {"revision": ""})


def test_very_many_changes_fit_into_the_limits_of_mlflow():
    changes = [f"recipes.yaml:cnn.key{n}={n}" for n in range(1000)]
    tags = runs.run_tags(CONFIG, NOTE | {"changes": changes})
    assert max(map(len, tags.values())) == 5000
    assert "git checkout abc" in tags["mlflow.note.content"]
