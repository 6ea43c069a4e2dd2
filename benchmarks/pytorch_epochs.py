"""A recipe in PyTorch: the same network and steps as ours, in the idioms of PyTorch.

The batches are views or selections of images that are in memory as ``float32``. The L2 penalty is
PyTorch's ``weight_decay``, which has the same gradient. The optimizers are those of PyTorch: its
RMSprop adds epsilon outside the square root, and its squared gradients start at 0, not at 1.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.optim import lr_scheduler

from src.config.blocks import ExponentialSchedule
from src.config.recipe import Recipe

Setting = tuple[str, ...]


def settings(recipe: Recipe) -> list[Setting]:
    """The settings that can be the fastest: compilation, precision, and layout of the images.

    ``bfloat16`` is autocast. With ``bfloat16 products``, tensors remain in float32, and only oneDNN
    converts the operands of matrix products and convolutions.
    """
    compilations = ["eager", "compiled"] if _can_compile() else ["eager"]
    layouts = ["channels first", "channels last"] if recipe.family == "cnn" else [None]
    return [
        tuple(filter(None, (compilation, precision, layout)))
        for compilation in compilations
        for precision in ("float32", "bfloat16", "bfloat16 products")
        for layout in layouts
    ]


class Epochs:
    """A network with its optimizer and its images.

    Takes images ``uint8 [N, H, W]`` and labels ``uint8 [N]`` from 0 to 9.
    """

    def __init__(
        self,
        recipe: Recipe,
        images: np.ndarray,
        labels: np.ndarray,
        setting: Setting = ("eager", "float32"),
    ) -> None:
        torch.manual_seed(1)
        torch.compiler.reset()  # PyTorch limits how often it compiles the same function
        self._recipe, self._setting = recipe, setting
        self._images, self._labels = _pixels(images), torch.from_numpy(labels).long()
        self._network = _network(recipe, self._images[:1], int(labels.max()) + 1)
        if "channels last" in setting:
            self._network.to(memory_format=torch.channels_last)
        self._weights = list(self._network.parameters())
        self._averages = [each.detach().clone() for each in self._weights]
        self._optimizer = _optimizer(recipe, self._weights, "compiled" in setting)
        decay = 1.0
        if isinstance(recipe.schedule, ExponentialSchedule):
            decay = recipe.schedule.decay_rate ** (1 / recipe.schedule.decay_steps)
        self._schedule = lr_scheduler.ExponentialLR(self._optimizer, decay)
        self._steps, self._averaging_rate = 0, torch.ones(())
        if "compiled" in setting:
            self._loss, self._update = torch.compile(self._loss), torch.compile(self._update)

    def train_epoch(self) -> float:
        """Train for one epoch; return the mean loss of its batches, without the penalty."""
        products = "bf16" if "bfloat16 products" in self._setting else "ieee"
        torch.backends.mkldnn.matmul.fp32_precision = products
        torch.backends.mkldnn.conv.fp32_precision = products
        return float(torch.stack([self._step(*batch) for batch in self._batches()]).mean())

    @torch.no_grad()
    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        """Return the accuracy of the weights, or of their moving averages if the recipe has any."""
        weights = self._averages if self._recipe.averaging else self._weights
        names = (name for name, _ in self._network.named_parameters())
        by_name = dict(zip(names, weights, strict=True))
        logits = torch.func.functional_call(self._network.eval(), by_name, (_pixels(images),))
        self._network.train()
        return float((logits.argmax(dim=1).numpy() == labels).mean())

    def parameters(self) -> int:
        return sum(each.numel() for each in self._weights)

    def _batches(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        count, size = len(self._labels), self._recipe.batch_size
        order = torch.randperm(count) if self._recipe.shuffle else None
        for first in range(0, count - size + 1, size):
            if order is None:
                yield self._images[first : first + size], self._labels[first : first + size]
            else:
                rows = order[first : first + size]
                yield self._images.index_select(0, rows), self._labels.index_select(0, rows)

    def _step(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        loss = self._loss(images, labels)
        loss.backward()
        self._steps += 1
        if self._recipe.averaging:
            decay = min(self._recipe.averaging.decay, (1 + self._steps) / (10 + self._steps))
            self._averaging_rate.fill_(1 - decay)
        self._update()
        self._optimizer.zero_grad()
        if self._recipe.schedule:
            self._schedule.step()
        return loss.detach()

    def _loss(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled="bfloat16" in self._setting):
            logits = self._network(images)
        return functional.cross_entropy(logits.float(), labels)

    def _update(self) -> None:
        self._optimizer.step()
        if self._recipe.averaging:
            with torch.no_grad():
                for average, weights in zip(self._averages, self._weights, strict=True):
                    average.lerp_(weights, self._averaging_rate)


def _network(recipe: Recipe, images: torch.Tensor, classes: int) -> nn.Sequential:
    """Build a network with the initial values of the recipe, for images of this shape."""
    network = nn.Sequential(*_layers(recipe, classes))
    with torch.no_grad():
        network(images)  # the layers learn their sizes
        for layer in network:
            if isinstance(layer, nn.Linear | nn.Conv2d):
                _initialize(layer.weight, recipe.weights)
                if layer.bias is not None:
                    _initialize(layer.bias, recipe.bias)
    return network


def _layers(recipe: Recipe, classes: int) -> Iterator[nn.Module]:
    bias = recipe.bias.kind != "none"
    if recipe.family == "cnn":
        for filters in recipe.filters:
            yield nn.LazyConv2d(filters, recipe.kernel, padding="same", bias=bias)
            yield nn.MaxPool2d(recipe.pool, ceil_mode=True)
            yield nn.ReLU()
            yield nn.Dropout(recipe.dropout.convolutions)
    yield nn.Flatten()
    if recipe.family == "mlp":
        yield nn.Dropout(recipe.dropout.inputs)
    if recipe.family != "softmax":
        for units in recipe.hidden:
            yield nn.LazyLinear(units, bias=bias)
            yield nn.ReLU()
            yield nn.Dropout(recipe.dropout.hidden)
    yield nn.LazyLinear(classes, bias=bias)


def _initialize(values: torch.Tensor, initial: Any) -> None:
    """Draw the initial values; only the kinds of the compared recipes."""
    match initial.kind:
        case "constant":
            nn.init.constant_(values, initial.value)
        case "normal":
            nn.init.normal_(values, initial.mean, initial.stddev)
        case "truncated_normal":
            limit = 2 * initial.stddev
            nn.init.trunc_normal_(values, 0, initial.stddev, -limit, limit)
        case "zeros":
            nn.init.zeros_(values)


def _optimizer(
    recipe: Recipe, weights: list[nn.Parameter], compiled: bool
) -> torch.optim.Optimizer:
    kernels = {"params": [each for each in weights if each.ndim > 1], "weight_decay": recipe.l2}
    biases, chosen = {"params": [each for each in weights if each.ndim == 1]}, recipe.optimizer
    groups = [kernels, biases] if biases["params"] else [kernels]
    if chosen.kind == "rmsprop":
        settings = chosen.learning_rate, chosen.rho, chosen.epsilon
        return torch.optim.RMSprop(groups, *settings, foreach=True)
    # A compiled step is compiled again if a number changes, but not if a tensor does.
    rate = torch.tensor(chosen.learning_rate) if compiled else chosen.learning_rate
    return torch.optim.SGD(groups, rate, fused=not compiled)


def _pixels(images: np.ndarray) -> torch.Tensor:
    """Convert to ``float32 [N, 1, H, W]`` in [0, 1]."""
    return torch.from_numpy(images).float().div_(255).unsqueeze(1)


def _can_compile() -> bool:
    """Whether ``torch.compile`` works: it needs a C++ compiler."""
    try:
        torch.compile(torch.square)(torch.ones(1))
    except RuntimeError:
        return False
    return True
