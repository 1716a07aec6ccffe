"""Pools of PyTorch whose last window goes beyond the image."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from test_torch import require_translated, seed  # noqa: F401
from torch import nn

SIDES = [(5, 5), (5, 6), (7, 4), (2, 3)]
WINDOWS = [(2, 2, 0), (3, 2, 1), (2, 3, 1), (3, 3, 0), ((3, 2), (2, 4), (1, 0)), (4, 2, 2)]


def pooled(pool: Any, image: tuple[int, int]) -> Any:
    x = torch.randn(3, 2, *image)
    try:
        outputs = nn.Flatten()(pool(x)).shape[1]
    except RuntimeError:
        # PyTorch refuses it too.
        return None
    return require_translated(nn.Sequential(nn.Conv2d(2, 2, 1), pool, nn.Flatten(), nn.Linear(outputs, 3)), x)


@pytest.mark.parametrize("image", SIDES)
def test_pools_that_go_beyond_the_image_are_translated(image: tuple[int, int]) -> None:
    found = [pooled(nn.MaxPool2d(*window, ceil_mode=True), image) for window in WINDOWS]
    for window, counts in product(WINDOWS, (True, False)):
        found.append(pooled(nn.AvgPool2d(*window, ceil_mode=True, count_include_pad=counts), image))
    assert sum(problem is not None for problem in found) >= 15


def test_a_window_larger_than_the_image_is_one_where_pytorch_has_it() -> None:
    assert pooled(nn.MaxPool2d(3, 2, ceil_mode=True), (2, 2)) is not None
    assert pooled(nn.MaxPool2d(3, 2, ceil_mode=False), (2, 2)) is None
