"""Squared norms of the gradients of single samples without the gradients, for modules of dense layers and convolutions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class Norms:
    """The squared norms for a module all of whose parameters of these names are weights and biases of such layers.

    Attributes
    ----------
    numbers : int
        How many numbers are held for each sample at once; known from the first call on.
    """

    def __init__(self, layers: dict[nn.Module, set[str]]) -> None:
        self._layers = layers
        self.numbers = 1

    @classmethod
    def of(cls, module: nn.Module, names: Sequence[str]) -> Norms | None:
        """Nothing where a parameter is of another layer, or of two."""
        layers: dict[nn.Module, set[str]] = {}
        for name, parameter in module.named_parameters():
            if name not in names:
                continue
            owners = [layer for layer in module.modules() for own in layer._parameters.values() if own is parameter]
            own = name.rpartition(".")[2]
            if len(owners) != 1 or not _is_known(owners[0]) or own not in ("weight", "bias"):
                return None
            layers.setdefault(owners[0], set()).add(own)
        return cls(layers)

    def squares(self, losses: Callable[[], Tensor]) -> Tensor:
        """Squared norms of the gradients of the losses that it returns, one for each sample, which calls the module once.

        Raises
        ------
        ValueError
            If a layer is called twice, or with other rows than the samples.
        """
        kept: list[tuple[nn.Module, Tensor, Tensor]] = []

        def keep(layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
            kept.append((layer, inputs[0].detach(), output))
            # What follows may work in place.
            return output.clone()

        with ExitStack() as hooks:
            for layer in self._layers:
                hooks.enter_context(layer.register_forward_hook(keep))
            made = losses()
        if len({layer for layer, _, _ in kept}) != len(kept):
            raise ValueError("a layer is called twice")
        outputs = [output for _, _, output in kept]
        cotangents = torch.autograd.grad(made.sum(), outputs, materialize_grads=True)
        squares = torch.zeros_like(made)
        for (layer, inputs, _), cotangent in zip(kept, cotangents):
            if len(inputs) != len(made):
                raise ValueError("a layer is called with other rows than the samples")
            rows, deltas = _rows(layer, inputs, cotangent)
            squares += self._of_layer(rows, deltas, self._layers[layer])
        return squares

    def _of_layer(self, rows: Tensor, deltas: Tensor, own: set[str]) -> Tensor:
        """Those in the parameters of a layer, whose gradient is `Σ δ xᵀ` over places."""
        places, inputs, outputs = rows.shape[1], rows.shape[2], deltas.shape[2]
        squares = torch.zeros(len(rows), dtype=rows.dtype, device=rows.device)
        if "weight" in own:
            if places * (inputs + outputs) < inputs * outputs or places == 1:
                squares += ((rows @ rows.mT) * (deltas @ deltas.mT)).sum(dim=(1, 2))
                held = 2 * places * places
            else:
                squares += (deltas.mT @ rows).square().sum(dim=(1, 2))
                held = inputs * outputs
            self.numbers = max(self.numbers, held + places * (inputs + outputs))
        if "bias" in own:
            squares += deltas.sum(dim=1).square().sum(dim=1)
        return squares


def _is_known(layer: nn.Module) -> bool:
    if type(layer) is nn.Conv2d:
        return layer.groups == 1 and layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
    return type(layer) is nn.Linear


def _rows(layer: nn.Module, inputs: Tensor, cotangent: Tensor) -> tuple[Tensor, Tensor]:
    """What a layer multiplies with its weights at each place (`m × places × inputs`), and the cotangents there."""
    if isinstance(layer, nn.Conv2d):
        how: dict[str, Any] = {name: getattr(layer, name) for name in ("dilation", "padding", "stride")}
        return functional.unfold(inputs, layer.kernel_size, **how).mT, cotangent.flatten(2).mT
    samples = len(inputs)
    return inputs.reshape(samples, -1, inputs.shape[-1]), cotangent.reshape(samples, -1, cotangent.shape[-1])
