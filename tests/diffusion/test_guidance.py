"""Classifier-free guidance against its formula."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vimoflow.diffusion.denoising import Walk, WholeClips
from vimoflow.diffusion.guidance import guided
from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.errors import ConfigError


def denoise(x_t: Tensor, t: Tensor, condition: Tensor) -> Tensor:
    level = t.reshape(len(t), -1, 1) / 1000.0
    return torch.tanh(x_t * condition) + level * condition


CONDITION = torch.linspace(0.5, 2.0, 24).reshape(2, 4, 3)
EMPTY = torch.full((2, 4, 3), -1.0)
X_T = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("w", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("shape", [(2,), (2, 4)])
def test_guidance_is_the_formula(w: float, shape: tuple[int, ...]) -> None:
    t = torch.randint(1000, shape, generator=torch.Generator().manual_seed(1))
    expected = (1 + w) * denoise(X_T, t, CONDITION) - w * denoise(X_T, t, EMPTY)
    torch.testing.assert_close(guided(denoise, CONDITION, EMPTY, w)(X_T, t), expected)


def batch_sizes_asked(w: float) -> list[int]:
    sizes: list[int] = []

    def counting(x_t: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        assert len(x_t) == len(t) == len(condition)
        sizes.append(len(x_t))
        return denoise(x_t, t, condition)

    guided(counting, CONDITION, EMPTY, w)(X_T, torch.tensor([5, 6]))
    return sizes


def test_no_guidance_never_asks_the_unconditional_model() -> None:
    assert batch_sizes_asked(0.0) == [2]


def test_guidance_asks_once_for_both() -> None:
    assert batch_sizes_asked(1.5) == [4]


def test_the_sampler_takes_a_guided_denoiser() -> None:
    """A model that answers its condition: guidance overshoots it by w times the difference."""
    model = guided(lambda x_t, t, c: c, CONDITION, EMPTY, 0.5)
    result = WholeClips(model, lambda _: X_T).denoised(Walk.of(NoiseSchedule(), 5))
    torch.testing.assert_close(result, 1.5 * CONDITION - 0.5 * EMPTY)


@pytest.mark.parametrize("w", [-0.1, float("nan"), float("inf")])
def test_impossible_strengths_are_refused(w: float) -> None:
    with pytest.raises(ConfigError, match="guidance"):
        guided(denoise, CONDITION, EMPTY, w)
