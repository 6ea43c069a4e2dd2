"""A recipe and its dataset as text."""

from typing import Any

from src.models.record import RunConfig


def recipe_line(config: RunConfig) -> str:
    """The network and its training, on one line."""
    recipe, data = config["recipe"], config["dataset"]
    layers = [f"{data['height']} × {data['width']} pixels", *_convolutions(recipe)]
    activation = recipe.get("activation", "")
    layers += [f"{units} {activation}" for units in recipe.get("hidden", [])]
    layers.append(f"{data['classes']} classes")
    parts = [" → ".join(layers), *_regularization(recipe)]
    optimizer = recipe["optimizer"]
    parts.append(f"{optimizer['kind']}, learning rate {optimizer['learning_rate']:g}")
    if recipe.get("schedule"):
        parts.append(f"{recipe['schedule']['kind']} schedule")
    parts += _changed_weights(recipe)
    length = f"{recipe['steps']:,} steps" if recipe.get("steps") else f"{recipe['epochs']} epochs"
    parts.append(f"batches of {recipe['batch_size']}, {length}")
    return "; ".join(parts)


def _convolutions(recipe: dict[str, Any]) -> list[str]:
    """The convolutions of a recipe, as one layer; empty if it has none."""
    kernels = [each["kernel"] for each in recipe.get("convolutions", [])]
    filters = [each["filters"] for each in recipe.get("convolutions", [])]
    if recipe["family"] == "cnn":
        kernels, filters = [recipe["kernel"]], recipe["filters"]
    sizes = ", ".join(f"{kernel} × {kernel}" for kernel in dict.fromkeys(kernels))
    return [f"{sizes} convolutions ({', '.join(map(str, filters))})"] if filters else []


def _regularization(recipe: dict[str, Any]) -> list[str]:
    """What reduces overfitting."""
    parts = ["batch normalization"] if recipe.get("batch_normalization") else []
    dropout = [f"{rate:g} of {where}" for where, rate in recipe.get("dropout", {}).items() if rate]
    if dropout:
        parts.append(f"dropout {', '.join(dropout)}")
    changes = [name for name, amount in recipe.get("augmentation", {}).items() if amount]
    if changes:
        parts.append(f"augmentation: {', '.join(changes)}")
    if recipe.get("label_smoothing"):
        parts.append(f"label smoothing {recipe['label_smoothing']:g}")
    return parts


def _changed_weights(recipe: dict[str, Any]) -> list[str]:
    """What changes the weights, in addition to the gradients; and the predictions."""
    parts = []
    if recipe.get("l2"):
        parts.append(f"L2 {recipe['l2']:g}")
    if recipe["optimizer"].get("weight_decay"):
        parts.append(f"weight decay {recipe['optimizer']['weight_decay']:g}")
    if recipe.get("averaging"):
        parts.append("moving average of the weights")
    return parts


def data_line(dataset: dict[str, Any]) -> str:
    """The dataset, on one line."""
    counts = dataset["counts"]
    fallback = f", fallback for {dataset['requested']}" if dataset["is_fallback"] else ""
    return (
        f"{dataset['name']}{fallback}: {counts['train']:,} training images, "
        f"{counts['validation']:,} validation images"
    )
