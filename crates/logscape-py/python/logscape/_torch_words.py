"""Layers and operations of PyTorch in the words of logscape's networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

Word = str | dict[str, Any]
Shape = Sequence[int]


class Untranslatable(Exception):
    """Why a module is no network of logscape."""


@dataclass(frozen=True)
class Call:
    """A call of a module, or of a function or a method with what it is given beside its input.

    Attributes
    ----------
    name : str
        Of the module, or of the place where the function is called.
    shapes : (shape, shape)
        Of a sample, before and after.
    """

    name: str
    shapes: tuple[Shape, Shape]
    module: nn.Module | None = None
    arguments: Sequence[Any] = ()
    named: Mapping[str, Any] = field(default_factory=dict)

    def options(self, *names: str, **defaults: Any) -> Any:
        """What it is given under these names, in their order."""
        if self.module is not None:
            return [getattr(self.module, name, defaults.get(name)) for name in names]
        given = {**dict(zip(names, self.arguments)), **{name: v for name, v in self.named.items() if name != "input"}}
        if not set(given) <= set(names) or len(self.arguments) > len(names):
            raise self.unlike("options that are not known")
        return [given.get(name, defaults.get(name)) for name in names]

    def unlike(self, what: str) -> Untranslatable:
        """It has something that networks of logscape do not have."""
        return Untranslatable(f"`{self.name}` has {what}, which networks of logscape do not have")

    def require(self, holds: bool, what: str) -> None:
        """Refuse what it has unless something holds."""
        if not holds:
            raise self.unlike(what)


def _side(given: Any) -> Any:
    """One number for both sides of a window, where they are alike."""
    sides = tuple(given) if isinstance(given, (tuple, list)) else (given, given)
    return sides[0] if len(sides) == 2 and sides[0] == sides[1] else list(sides)


def _linear(call: Call) -> list[Word]:
    call.require(len(call.shapes[0]) == 1, f"inputs of the shape {tuple(call.shapes[0])}")
    outputs, bias = call.options("out_features", "bias")
    return [{"linear": outputs, **({} if bias is not None else {"bias": False})}]


def _convolution(call: Call) -> list[Word]:
    call.require(len(call.shapes[0]) == 3, f"inputs of the shape {tuple(call.shapes[0])}")
    channels, kernel, stride, padding, dilation, groups, bias, mode = call.options(
        "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias", "padding_mode"
    )
    call.require(mode == "zeros", f"padding_mode={mode!r}")
    if padding == "valid":
        padding = 0
    elif padding == "same":
        around = [d * (k - 1) for d, k in zip(dilation, kernel)]
        call.require(all(count % 2 == 0 for count in around), "padding='same' of an even window")
        padding = [count // 2 for count in around]
    word = {"conv2d": channels, "kernel": _side(kernel), "stride": _side(stride), "padding": _side(padding)}
    if groups != 1:
        word["groups"] = groups
    if _side(dilation) != 1:
        word["dilation"] = _side(dilation)
    if bias is None:
        word["bias"] = False
    return [word]


def _max_pool(call: Call) -> list[Word]:
    call.require(len(call.shapes[0]) == 3, f"inputs of the shape {tuple(call.shapes[0])}")
    kernel, stride, padding, dilation, ceil, indices = call.options(
        *("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"),
        **{"padding": 0, "dilation": 1, "ceil_mode": False, "return_indices": False},
    )
    call.require(_side(dilation) == 1, "a dilation")
    call.require(not indices, "return_indices=True")
    word = {"max-pool2d": _side(kernel), "stride": _side(stride or kernel), "padding": _side(padding)}
    return [{**word, "ceil_mode": True} if ceil else word]


def _average_pool(call: Call) -> list[Word]:
    call.require(len(call.shapes[0]) == 3, f"inputs of the shape {tuple(call.shapes[0])}")
    kernel, stride, padding, ceil, counts, divisor = call.options(
        *("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"),
        **{"padding": 0, "ceil_mode": False, "count_include_pad": True},
    )
    call.require(divisor is None, "divisor_override")
    word = {"avg-pool2d": _side(kernel), "stride": _side(stride or kernel), "padding": _side(padding)}
    if not counts and _side(padding) != 0:
        word["count_include_pad"] = False
    if ceil:
        word["ceil_mode"] = True
    return [word]


def _adaptive_pool(call: Call) -> list[Word]:
    """An average over windows that do not overlap, where their number divides the image."""
    before, after = call.shapes
    call.require(len(before) == 3 and len(after) == 3, f"inputs of the shape {tuple(before)}")
    call.require(all(b % a == 0 for b, a in zip(before[1:], after[1:])), "windows of several sizes")
    kernel = [b // a for b, a in zip(before[1:], after[1:])]
    return [{"avg-pool2d": _side(kernel)}]


def _mean(call: Call) -> list[Word]:
    """The mean over an image."""
    before, _ = call.shapes
    dims, keep = call.options("dim", "keepdim", keepdim=False)
    over = sorted(d % 4 for d in dims) if isinstance(dims, (tuple, list)) else []
    call.require(len(before) == 3 and over == [2, 3], f"a mean over {dims}")
    return [{"avg-pool2d": _side(before[1:])}, *([] if keep else ["flatten"])]


def _flat(call: Call) -> list[Word]:
    """Any way to bring numbers of a sample into one row."""
    before, after = call.shapes
    if tuple(before) == tuple(after):
        return []
    call.require(len(after) == 1, f"a sample of the shape {tuple(after)} of one of {tuple(before)}")
    return ["flatten"]


def _layer_norm(call: Call) -> list[Word]:
    shape, affine, epsilon = call.options("normalized_shape", "elementwise_affine", "eps")
    call.require(tuple(shape) == tuple(call.shapes[0]), f"normalized_shape={tuple(shape)} of {tuple(call.shapes[0])}")
    call.require(len(shape) in (1, 3), f"inputs of the shape {tuple(shape)}")
    return [_normalised(call, "layer-norm", True, epsilon, affine)]


def _group_norm(call: Call) -> list[Word]:
    call.require(len(call.shapes[0]) == 3, f"inputs of the shape {tuple(call.shapes[0])}")
    groups, affine, epsilon = call.options("num_groups", "affine", "eps")
    return [_normalised(call, "group-norm", groups, epsilon, affine)]


def _batch_norm(call: Call) -> list[Word]:
    call.require(len(call.shapes[0]) in (1, 3), f"inputs of the shape {tuple(call.shapes[0])}")
    affine, epsilon = call.options("affine", "eps")
    return [_normalised(call, "batch-norm", True, epsilon, affine)]


def _normalised(call: Call, kind: str, of: Any, epsilon: float, affine: bool) -> Word:
    word = {kind: of}
    if epsilon != 1e-5:
        word["epsilon"] = epsilon
    if not affine:
        word["scale"] = False
    elif getattr(call.module, "bias", None) is None:
        word["bias"] = False
    return word


def _leaky(call: Call) -> list[Word]:
    slope, _ = call.options("negative_slope", "inplace", negative_slope=0.01)
    return ["leaky-relu" if slope == 0.01 else {"leaky-relu": slope}]


def _gelu(call: Call) -> list[Word]:
    (approximate,) = call.options("approximate", approximate="none")
    return ["gelu" if approximate == "none" else "gelu-tanh"]


def _softplus(call: Call) -> list[Word]:
    beta, threshold = call.options("beta", "threshold", beta=1.0, threshold=20.0)
    call.require(beta == 1 and threshold >= 20, f"beta={beta} and threshold={threshold}")
    return ["softplus"]


def _dropout(call: Call) -> list[Word]:
    p, training, _ = call.options("p", "training", "inplace", p=0.5, training=True)
    call.require(not training or p == 0, "dropout")
    return []


def _named(name: str) -> Callable[[Call], list[Word]]:
    def word(call: Call) -> list[Word]:
        call.options("inplace")
        return [name]

    return word


def _nothing(call: Call) -> list[Word]:
    return []


_Table = dict[Any, Callable[[Call], list[Word]]]

MODULES: _Table = {
    nn.Linear: _linear,
    nn.Conv2d: _convolution,
    nn.MaxPool2d: _max_pool,
    nn.AvgPool2d: _average_pool,
    nn.AdaptiveAvgPool2d: _adaptive_pool,
    nn.Flatten: _flat,
    nn.LayerNorm: _layer_norm,
    nn.GroupNorm: _group_norm,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.ReLU: _named("relu"),
    nn.Tanh: _named("tanh"),
    nn.Sigmoid: _named("sigmoid"),
    nn.SiLU: _named("silu"),
    nn.LeakyReLU: _leaky,
    nn.GELU: _gelu,
    nn.Softplus: _softplus,
    nn.Identity: _nothing,
    **dict.fromkeys((nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout), _dropout),
}

METHODS: _Table = {
    "relu": _named("relu"),
    "relu_": _named("relu"),
    "tanh": _named("tanh"),
    "tanh_": _named("tanh"),
    "sigmoid": _named("sigmoid"),
    "sigmoid_": _named("sigmoid"),
    "mean": _mean,
    **dict.fromkeys(("flatten", "view", "reshape", "contiguous"), _flat),
}

FUNCTIONS: _Table = {
    **dict.fromkeys((torch.relu, torch.relu_, F.relu, F.relu_), _named("relu")),
    **dict.fromkeys((torch.tanh, F.tanh), _named("tanh")),
    **dict.fromkeys((torch.sigmoid, F.sigmoid), _named("sigmoid")),
    F.silu: _named("silu"),
    F.leaky_relu: _leaky,
    F.gelu: _gelu,
    F.softplus: _softplus,
    F.dropout: _dropout,
    **dict.fromkeys((F.max_pool2d, torch.max_pool2d), _max_pool),
    **dict.fromkeys((F.avg_pool2d, torch._C._nn.avg_pool2d), _average_pool),
    F.adaptive_avg_pool2d: _adaptive_pool,
    torch.mean: _mean,
    **dict.fromkeys((torch.flatten, torch.reshape), _flat),
}
