"""The denoiser: shapes, what may influence what, and that it can learn."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from vimoflow.diffusion.denoiser import (
    Attention,
    Denoiser,
    DenoiserConfig,
    attend,
    rotary_angles,
)
from vimoflow.diffusion.schedule import NoiseSchedule

TINY = DenoiserConfig(width=32, heads=2, blocks=2, encoder_layers=1)


def awake(config: DenoiserConfig = TINY, seed: int = 0) -> Denoiser:
    """A denoiser in which nothing is zero any more: FiLM and the unseen token take part."""
    torch.manual_seed(seed)
    model = Denoiser(config).eval().requires_grad_(False)
    for name, parameter in model.named_parameters():
        if "film" in name or "unseen" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    return model


def inputs(batch: int, frames: int, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x_t = torch.randn(batch, frames, TINY.motion_channels, generator=generator)
    return x_t, torch.randn(batch, frames, TINY.condition_channels, generator=generator)


# Stated so that a change of architecture, which makes every checkpoint useless, shows.
PARAMETERS = {
    ("small", 1): 1_549_847,
    ("small", 2): 1_944_599,
    ("big", 1): 6_081_431,
    ("big", 2): 7_657_367,
}


@pytest.mark.parametrize(("size", "film_version"), PARAMETERS)
def test_sizes_of_the_thesis(size, film_version):
    config = getattr(DenoiserConfig, size)(film_version)
    model = awake(config)
    assert sum(p.numel() for p in model.parameters()) == PARAMETERS[size, film_version]
    assert (config.width, config.heads) == {"small": (128, 4), "big": (256, 8)}[size]
    assert len(model.blocks) == 3
    x_t, condition = inputs(2, 7)
    out = model(x_t, torch.tensor([3, 900]), condition)
    assert out.shape == x_t.shape and out.isfinite().all()


@pytest.mark.parametrize("film_version", [1, 2])
def test_a_vector_of_equal_timesteps_is_the_scalar_exactly(film_version):
    model = awake(DenoiserConfig(width=32, heads=2, film_version=film_version))
    x_t, condition = inputs(3, 20)
    t = torch.tensor([0, 500, 999])
    scalar = model(x_t, t, condition)
    assert torch.equal(model(x_t, t[:, None].repeat(1, 20), condition), scalar)
    other = t[:, None].repeat(1, 20)
    other[:, 10] = 250
    assert not torch.equal(model(x_t, other, condition), scalar)


@pytest.mark.parametrize("film_version", [1, 2])
@pytest.mark.parametrize("padding", [1, 7])
def test_padding_does_not_influence_what_exists(film_version, padding):
    model = awake(DenoiserConfig(width=32, heads=2, film_version=film_version))
    frames = 12
    x_t, condition = inputs(2, frames + padding)
    t = torch.tensor([100, 800])
    valid = torch.arange(frames + padding) < frames
    valid = valid.expand(2, -1)
    padded = model(x_t, t, condition, valid)[:, :frames]
    x_t[:, frames:] += 9.0
    condition[:, frames:] = 0.0
    assert torch.equal(model(x_t, t, condition, valid)[:, :frames], padded)
    alone = model(x_t[:, :frames], t, condition[:, :frames])
    torch.testing.assert_close(padded, alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("frames", [1, 2, 3, 61, 400])
def test_any_length_works(frames):
    x_t, condition = inputs(1, frames)
    out = awake()(x_t, torch.tensor([10]), condition)
    assert out.shape == x_t.shape and out.isfinite().all()


def test_without_any_condition_the_result_is_finite_and_knows_nothing_of_the_pose():
    model = awake()
    x_t, condition = inputs(2, 9)
    out = model(x_t, torch.tensor([10, 990]), torch.zeros_like(condition))
    assert out.isfinite().all()
    assert not torch.allclose(out, model(x_t, torch.tensor([10, 990]), condition))
    nothing = model(x_t, torch.tensor([10, 990]), condition, torch.zeros(2, 9, dtype=torch.bool))
    assert nothing.isfinite().all()


@pytest.fixture(params=[0.05, 0.3])
def weighing(request) -> tuple[Denoiser, Denoiser]:
    """The same network with and without its estimate weighed against x_t."""
    without = awake()
    with_skip = Denoiser(dataclasses.replace(TINY, estimate_std=request.param))
    with_skip.load_state_dict(without.state_dict())
    return with_skip.eval().requires_grad_(False), without


def test_the_estimate_is_weighed_against_x_t_by_inverse_variances(weighing):
    """What x_t says of the data has the variance (1 - alpha_bar) / alpha_bar."""
    with_skip, without = weighing
    x_t, condition = inputs(2, 9)
    t = torch.randint(0, 1000, (2, 9), generator=torch.Generator().manual_seed(3))
    kept = NoiseSchedule().alpha_bar(t)[..., None].double()
    said = [x_t.double() / kept.sqrt(), without(x_t, t, condition).double()]
    precision = [kept / (1 - kept), torch.full_like(kept, with_skip.config.estimate_std**-2)]
    expected = sum(p * x for p, x in zip(precision, said, strict=True)) / sum(precision)
    found = with_skip(x_t, t, condition).double()
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_known_frames_come_out_and_guesses_are_added_to(weighing):
    with_skip, without = weighing
    x_t, condition = inputs(2, 9)
    t = torch.tensor([0, 1000, 0, 500, 1000, 1000, 0, 3, 900]).expand(2, 9)
    found, plain = with_skip(x_t, t, condition), without(x_t, t, condition)
    guess = t == 1000
    torch.testing.assert_close(found[guess], (x_t + plain)[guess])
    off = (found - x_t)[t == 0].norm() / (plain - x_t)[t == 0].norm()
    assert float(off) < 0.05


def test_the_rows_of_a_batch_do_not_see_each_other():
    model = awake()
    x_t, condition = inputs(3, 10)
    t = torch.tensor([5, 300, 900])
    together = model(x_t, t, condition)
    for row in range(3):
        one = slice(row, row + 1)
        alone = model(x_t[one], t[one], condition[one])
        torch.testing.assert_close(together[one], alone, atol=1e-5, rtol=1e-5)


def test_attention_sees_distances_in_time_not_positions():
    torch.manual_seed(0)
    attention = Attention(TINY)
    x = torch.randn(1, 8, TINY.width)
    angles = rotary_angles(108, TINY.width // TINY.heads)
    here = attention(x, x, angles[:, :8], None)
    torch.testing.assert_close(attention(x, x, angles[:, 100:], None), here, atol=1e-5, rtol=1e-4)
    doubled = attention(x, x, angles[:, :16:2], None)
    assert not torch.allclose(doubled, here, atol=1e-3)


def test_plain_attention_is_torchs_own():
    generator = torch.Generator().manual_seed(0)
    q, k, v = torch.randn(3, 2, 4, 9, 16, generator=generator)
    mask = torch.rand(2, 1, 1, 9, generator=generator) < 0.7
    for m in (None, mask):
        expected = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=m)
        torch.testing.assert_close(attend(q, k, v, m), expected)


@pytest.mark.parametrize("film_version", [1, 2])
def test_a_tiny_model_overfits_one_batch(film_version):
    torch.manual_seed(0)
    model = Denoiser(DenoiserConfig(width=32, heads=2, blocks=2, film_version=film_version))
    x_t, condition = inputs(2, 8)
    target = torch.randn(2, 8, TINY.motion_channels)
    t = torch.randint(1000, (2, 8))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(80):
        loss = (model(x_t, t, condition) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 20
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.blocks.parameters())
