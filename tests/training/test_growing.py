"""A larger network begins as the function that the smaller one is."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from vimoflow.diffusion.denoiser import Denoiser, DenoiserConfig
from vimoflow.training.growing import grown_weights

SMALL = DenoiserConfig(width=32, heads=2, blocks=2, encoder_layers=1, condition_channels=54)


def trained(film_version: int) -> Denoiser:
    """Random weights in every layer, those that begin as zeros included."""
    torch.manual_seed(1)
    network = Denoiser(dataclasses.replace(SMALL, film_version=film_version)).eval()
    for parameter in network.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return network


@pytest.mark.parametrize("film_version", [1, 2])
@pytest.mark.parametrize(
    "larger",
    [
        {"condition_channels": 58},
        {"encoder_layers": 3, "blocks": 3},
        {"width": 64, "heads": 4},
        {"width": 64, "heads": 4, "encoder_layers": 2, "condition_channels": 58},
    ],
    ids=str,
)
@torch.no_grad()
def test_it_answers_as_the_smaller_one(film_version: int, larger: dict[str, int]) -> None:
    small = trained(film_version)
    large = Denoiser(dataclasses.replace(small.config, **larger)).eval()
    large.load_state_dict(grown_weights(small, large))
    x_t, condition = torch.randn(2, 12, 151), torch.randn(2, 12, 58)
    t = torch.randint(0, 1001, (2, 12))
    torch.testing.assert_close(
        large(x_t, t, condition), small(x_t, t, condition), atol=1e-4, rtol=1e-4
    )


def test_the_two_copies_of_a_channel_do_not_stay_alike() -> None:
    small = trained(1)
    large = Denoiser(dataclasses.replace(small.config, width=64, heads=4))
    large.load_state_dict(grown_weights(small, large))
    large(torch.randn(2, 12, 151), torch.full((2,), 500), torch.randn(2, 12, 54)).sum().backward()
    gradient = large.motion_in.weight.grad
    assert gradient is not None and not torch.allclose(gradient[:32], gradient[32:], rtol=1e-2)
