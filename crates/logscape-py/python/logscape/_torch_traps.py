"""What is asked of modules of PyTorch and their data before any work."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ._errors import ModelError

_DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)


def require_module(module: Any) -> torch.device:
    """The device of a module.

    Raises
    ------
    ModelError
        If it cannot be used.
    """
    if isinstance(module, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
        raise ModelError("module: it works on several devices", "give module.module, which it wraps")
    if isinstance(module, torch.jit.ScriptModule):
        raise ModelError("module: it is a script, whose parameters cannot be exchanged", "give the module that it was made of")
    if not isinstance(module, nn.Module):
        raise ModelError(f"module: a {type(module).__name__}", "give a torch.nn.Module")
    for name, part in module.named_modules():
        _require_plain(f"`{name}`" if name else "it", part)
    parameters = dict(module.named_parameters())
    if not parameters:
        raise ModelError("module: there are no parameters")
    for name, parameter in parameters.items():
        _require_parameter(name, parameter)
    if not any(parameter.requires_grad for parameter in parameters.values()):
        raise ModelError("module: all parameters have requires_grad=False", "call requires_grad_() of those that are looked at")
    devices = {parameter.device for parameter in parameters.values()}
    if len(devices) > 1:
        names = " and ".join(sorted(map(str, devices)))
        raise ModelError(f"module: its parameters are on {names}", "move it to one device: module.to(device)")
    return devices.pop()


def _require_plain(name: str, part: nn.Module) -> None:
    """Refuse what hides its layers, or changes the outputs from call to call."""
    if hasattr(part, "_orig_mod"):
        raise ModelError(f"module: {name} is compiled, and hides its layers", "give what it was compiled from: module._orig_mod")
    if isinstance(part, _DROPOUTS) and part.training and part.p > 0:
        raise ModelError(
            f"module: {name} drops out at random, since it is in training mode",
            "call module.eval(); no loss has a minimum that changes from call to call",
        )
    if isinstance(part, nn.modules.batchnorm._BatchNorm):
        if part.running_mean is None:
            hint = "give it track_running_stats=True, and train it, or use a group norm"
            raise ModelError(f"module: {name} normalises by the batch, and has no running statistics", hint)
        if part.training:
            raise ModelError(
                f"module: {name} normalises by the batch, since it is in training mode",
                "call module.eval(), and it normalises by its running statistics",
            )


def _require_parameter(name: str, parameter: Tensor) -> None:
    if isinstance(parameter, nn.parameter.UninitializedParameter):
        raise ModelError(f"module: `{name}` has no shape yet", "call the module once on a batch of inputs")
    if parameter.device.type == "meta":
        raise ModelError(f"module: `{name}` is on the device meta, and has no numbers", "call module.to_empty(device='cpu') and load them")
    if parameter.device.type == "mps":
        raise ModelError(f"module: `{name}` is on the device mps, which has no double precision", "call module.to('cpu')")
    if parameter.dtype in (torch.float16, torch.bfloat16):
        raise ModelError(f"module: `{name}` is of {parameter.dtype}", "give float32 or float64: half precision hides curvature")
    if parameter.dtype not in (torch.float32, torch.float64):
        raise ModelError(f"module: `{name}` is of {parameter.dtype}", "give real parameters, in float32 or float64")
    if not parameter.isfinite().all():
        raise ModelError(f"module: `{name}` has a number that is not finite", "look at where it comes from")


def copied(module: nn.Module) -> nn.Module:
    """A copy in double precision, whose parameters know which of them are looked at.

    Raises
    ------
    ModelError
        If it cannot be copied.
    """
    try:
        made = copy.deepcopy(module)
    except RuntimeError as error:
        raise ModelError(f"module: it cannot be copied: {error}", "let it keep parameters and buffers alone") from error
    return made.double()


def inputs(given: Any, device: torch.device) -> Tensor:
    """Inputs on the device, real ones in double precision.

    Raises
    ------
    ModelError
        If they cannot be used.
    """
    made = given.detach() if isinstance(given, Tensor) else torch.as_tensor(np.array(given))
    if isinstance(given, Tensor) and made.device != device:
        raise ModelError(f"inputs: they are on {made.device}, but the module is on {device}", f"give inputs.to('{device}')")
    if made.is_complex():
        raise ModelError(f"inputs: they are of {made.dtype}", "give torch.view_as_real(inputs)")
    if made.ndim == 0 or len(made) == 0:
        raise ModelError("inputs: there are no samples", "give one row for each sample")
    if not made.isfinite().all():
        wrong = (~made.reshape(len(made), -1).isfinite().all(dim=1)).nonzero()[0].item()
        raise ModelError(f"inputs: row {wrong} has a number that is not finite")
    return (made.double() if made.is_floating_point() else made).to(device).contiguous()


def targets(given: Any) -> Any:
    """Targets as an array.

    Raises
    ------
    ModelError
        If they are of no kind that there is.
    """
    if not isinstance(given, Tensor):
        return given
    if given.is_complex():
        raise ModelError(f"targets: they are of {given.dtype}", "give real ones")
    if given.device.type == "meta":
        raise ModelError("targets: they are on the device meta, and have no numbers")
    made = given.detach().cpu()
    return (made.double() if made.is_floating_point() else made).numpy()


def own_targets(given: Any, samples: int, device: torch.device) -> Tensor:
    """Targets of a loss of the caller's own, on the device, real ones in double precision.

    Raises
    ------
    ModelError
        If there is not one for each sample.
    """
    made = given.detach() if isinstance(given, Tensor) else torch.as_tensor(np.array(given))
    if made.ndim == 0 or len(made) != samples:
        found = len(made) if made.ndim else "no"
        raise ModelError(f"targets: {found} rows for {samples} inputs", "give one row for each input")
    return (made.double() if made.is_floating_point() else made).to(device)


def require_loss(loss: Callable[[Tensor, Tensor], Any], f: Tensor, y: Tensor) -> None:
    """Call a loss of the caller's own on the outputs and the targets of some samples.

    Raises
    ------
    ModelError
        If it does not give one number for each, or cannot be taken of several at once.
    """
    made = loss(f[0], y[0])
    if not isinstance(made, Tensor) or made.ndim > 0:
        found = f"the shape {tuple(made.shape)}" if isinstance(made, Tensor) else f"a {type(made).__name__}"
        raise ModelError(f"loss: it returns {found} for a sample", "return one number: the sum over the outputs, or their mean")
    try:
        torch.func.vmap(torch.func.grad(loss))(f, y)
    except RuntimeError as error:
        hint = "let it be made of operations of tensors: F.cross_entropy(f, y) in place of f[y]"
        raise ModelError(f"loss: it cannot be taken of several samples at once: {str(error).splitlines()[0]}", hint) from error


def require_call(outputs: Callable[[slice], Any], inputs: Tensor) -> None:
    """Call the module once, by `outputs`.

    Raises
    ------
    ModelError
        If it fails, or does not give one tensor in double precision, with derivatives.
    """
    try:
        made = outputs(slice(0, 2))
    except RuntimeError as error:
        shape = tuple(inputs.shape)
        hint = "it is called in double precision: let it make what it needs in the dtype of its inputs" if "dtype" in str(error) else None
        raise ModelError(f"module: it fails on inputs of the shape {shape}, of {inputs.dtype}: {error}", hint) from error
    if not isinstance(made, Tensor):
        raise ModelError(
            f"outputs: a {type(made).__name__} in place of a tensor",
            "wrap the module in one that returns the outputs alone; the loss is not part of the model",
        )
    if made.dtype != torch.float64:
        raise ModelError(
            f"outputs: they are of {made.dtype}, though the module is called in double precision",
            "leave out what changes the precision in the module",
        )
    if not made.requires_grad:
        raise ModelError(
            "outputs: they have no derivatives in the parameters",
            "leave out torch.no_grad, and detach, of what the outputs are made of",
        )
