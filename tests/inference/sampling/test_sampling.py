"""Sampling over windows: reproducible, without seams, of any length."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sampling_examples import Echo, LowPass, checkpoint_of, condition_of
from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.diffusion.denoiser import Denoiser, DenoiserConfig
from vimoflow.diffusion.windows import WindowPlan
from vimoflow.errors import ConfigError
from vimoflow.inference.conditioning.encoding import Condition
from vimoflow.inference.sampling import (
    SamplingOptions,
    features_to_motion,
    merge_windows,
    orthonormal,
    sample_features,
    split_windows,
)
from vimoflow.inference.sampling.conditional_denoising import window_channels
from vimoflow.motion.features import LAYOUT, mirrored_features

GROUND = [LAYOUT.root.start, LAYOUT.root.start + 2]
OTHERS = [i for i in range(LAYOUT.size) if i not in GROUND]
FAST = SamplingOptions(steps=3, window=24, overlap=8)


@pytest.fixture(scope="module")
def tiny() -> Checkpoint:
    torch.manual_seed(0)
    return checkpoint_of(Denoiser(DenoiserConfig(width=32, heads=2, blocks=1, encoder_layers=1)))


def rows_of(condition: Condition, count: int) -> Condition:
    return Condition(condition.pose[:count], condition.track[:count])


@settings(max_examples=30, deadline=None)
@given(frames=st.integers(2, 120), window=st.integers(4, 30), share=st.floats(0.1, 0.9))
def test_windows_and_back_is_the_same_up_to_the_first_place_on_the_ground(frames, window, share):
    plan = WindowPlan.cover(frames, window, max(1, int(share * window)))
    features = torch.randn(2, frames, 151, generator=torch.Generator().manual_seed(0))
    windows = split_windows(features, plan)
    assert bool((windows[:, :, 0][..., GROUND] == 0).all())
    expected = features.clone()
    expected[..., GROUND] -= features[:, :1][..., GROUND]
    torch.testing.assert_close(merge_windows(windows, plan), expected, atol=1e-4, rtol=1e-4)


def test_splitting_leaves_the_sequence_alone():
    features = torch.randn(1, 10, 151)
    before = features.clone()
    windows = split_windows(features, WindowPlan.cover(10, 6, 2))
    merge_windows(windows, WindowPlan.cover(10, 6, 2))
    assert torch.equal(features, before)


@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "mean"])
def test_the_same_seed_gives_the_same_motion(tiny, sampler):
    condition = condition_of(2, 40)
    options = SamplingOptions(steps=3, sampler=sampler, seed=5, window=24, overlap=8)
    first = sample_features(tiny, condition, options)
    assert first.shape == (2, 40, 151) and first.isfinite().all()
    assert torch.equal(sample_features(tiny, condition, options), first)
    other = SamplingOptions(steps=3, sampler=sampler, seed=6, window=24, overlap=8)
    assert not torch.allclose(sample_features(tiny, condition, other), first, atol=1e-3)


@pytest.fixture(scope="module")
def taught() -> Checkpoint:
    torch.manual_seed(0)
    config = DenoiserConfig(width=32, heads=2, blocks=1, encoder_layers=1, estimate_std=0.1)
    return checkpoint_of(Denoiser(config))


def test_one_pass_is_the_default_of_those_that_were_taught_and_knows_no_seed(taught, tiny):
    condition = condition_of(1, 20)
    options = SamplingOptions(window=24, overlap=8, refine=False, mirrored=False)
    found = sample_features(taught, condition, options)
    asked = taught.denoiser(
        torch.zeros(1, 20, 151),
        torch.full((1,), 1000),
        window_channels(condition, WindowPlan.cover(20, 24, 8)),
        None,
    )
    torch.testing.assert_close(found[..., OTHERS], asked[..., OTHERS])
    assert torch.equal(sample_features(taught, condition, replace(options, seed=9)), found)
    drawn = sample_features(taught, condition, options.drawing())
    assert not torch.allclose(drawn, found, atol=1e-2)
    assert options.sampler_of(tiny) == options.drawing().sampler_of(taught) == "ddim"
    with pytest.raises(ConfigError, match="not trained for one pass"):
        sample_features(tiny, condition, replace(options, sampler="one-pass"))


def test_one_pass_has_more_windows_where_no_camera_saw_the_way(taught):
    """Of 120 frames in windows of 24 one begins every 4 frames or every 2."""
    rows: list[int] = []
    hook = taught.denoiser.register_forward_hook(lambda _, told, __: rows.append(len(told[0])))
    options = SamplingOptions(window=24, overlap=16, refine=False, mirrored=False)
    seen = Condition(torch.rand(1, 120, 17, 3), torch.ones(1, 120, 3))
    windows = []
    for condition in (seen, replace(seen, track=torch.zeros(1, 120, 3))):
        rows.clear()
        sample_features(taught, condition, options)
        windows.append(sum(rows))
    hook.remove()
    assert windows == [1 + (120 - 24) // 4, 1 + (120 - 24) // 2]


def test_one_pass_of_the_mirror_image_is_the_mirror_image_of_one_pass(taught):
    condition = condition_of(2, 40)
    options = SamplingOptions(window=24, overlap=8, refine=False)
    found = sample_features(taught, condition, options)
    image = sample_features(taught, condition.mirrored(), options)
    torch.testing.assert_close(mirrored_features(image), found, atol=1e-4, rtol=1e-4)
    once = sample_features(taught, condition, replace(options, mirrored=False))
    assert not torch.allclose(once, found, atol=1e-2)


@pytest.mark.parametrize("guidance", [0.0, 1.5])
def test_a_row_does_not_depend_on_the_size_of_the_batch(tiny, guidance):
    """20 rows of three windows are more than one call of the model."""
    condition = condition_of(20, 50)
    options = SamplingOptions(steps=2, window=24, overlap=8, guidance=guidance)
    together = sample_features(tiny, condition, options)
    for count in (1, 3):
        few = sample_features(tiny, rows_of(condition, count), options)
        torch.testing.assert_close(few, together[:count], atol=1e-4, rtol=1e-4)


def test_rows_of_a_batch_draw_noise_of_their_own(tiny):
    condition = rows_of(condition_of(1, 20), 1)
    double = Condition(condition.pose.repeat(2, 1, 1, 1), condition.track.repeat(2, 1, 1))
    first, second = sample_features(tiny, double, FAST)
    assert not torch.allclose(first, second, atol=1e-3)


def test_padding_does_not_change_a_clip(tiny):
    condition = condition_of(1, 15)
    alone = sample_features(tiny, condition, replace(FAST, refine=False))
    padded = Condition(
        F.pad(condition.pose, (0, 0, 0, 0, 0, 6)), F.pad(condition.track, (0, 0, 0, 6))
    )
    valid = (torch.arange(21) < 15)[None]
    together = sample_features(tiny, padded, replace(FAST, refine=False), valid)
    torch.testing.assert_close(together[:, :15], alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("frames", [1, 2, 23, 24, 25, 200])
def test_any_length_begins_at_the_origin(tiny, frames):
    features = sample_features(tiny, condition_of(1, frames), FAST)
    assert features.shape == (1, frames, 151) and features.isfinite().all()
    if frames > FAST.window:  # a single window keeps what the model said
        assert features[0, 0, GROUND].abs().max() < 1e-5
    motion = features_to_motion(features[0])
    assert len(motion) == frames and 0 <= motion.contacts.min() <= motion.contacts.max() <= 1


def test_noise_belongs_to_absolute_frames_whatever_the_windows():
    """A model that echoes its input shows the noise: with one step it is the result."""
    checkpoint = checkpoint_of(Echo())

    def noise(frames: int, window: int, overlap: int) -> Tensor:
        options = SamplingOptions(steps=1, window=window, overlap=overlap, refine=False)
        return sample_features(checkpoint, condition_of(1, frames), options)[0, :, OTHERS]

    whole = noise(90, 90, 10)
    torch.testing.assert_close(noise(90, 40, 10), whole, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(noise(90, 25, 20), whole, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(noise(61, 40, 10), whole[:61], atol=1e-5, rtol=1e-5)
    assert abs(float(whole.mean())) < 0.05 and float(whole.std()) == pytest.approx(1.0, abs=0.05)


def test_nothing_jumps_where_windows_meet():
    options = SamplingOptions(steps=4, window=60, overlap=20, sampler="ddpm")
    features = sample_features(checkpoint_of(LowPass()), condition_of(1, 600), options)[0]
    plan = WindowPlan.cover(600, 60, 20)
    speed = features.diff(dim=0).norm(dim=-1)
    edges = [s - 1 for s in plan.starts[1:]] + [s + plan.length - 1 for s in plan.starts[:-1]]
    assert len(edges) > 20
    at_edges, elsewhere = speed[edges], speed[[i for i in range(599) if i not in edges]]
    assert float(at_edges.mean()) < 1.25 * float(elsewhere.mean())
    assert float(at_edges.max()) < 1.1 * float(elsewhere.max())


def test_guided_rotations_are_rotations(tiny):
    options = SamplingOptions(steps=3, guidance=2.0)
    features = sample_features(tiny, condition_of(2, 20), options)
    a, b = features[..., LAYOUT.rotations].unflatten(-1, (24, 6)).split(3, dim=-1)
    one = torch.ones(2, 20, 24)
    torch.testing.assert_close(a.norm(dim=-1), one, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(b.norm(dim=-1), one, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close((a * b).sum(-1), 0 * one, atol=1e-4, rtol=1e-4)
    unguided = sample_features(tiny, condition_of(2, 20), SamplingOptions(steps=3))
    assert not torch.allclose(unguided, features, atol=1e-2)


def test_orthonormal_leaves_rotations_and_the_other_channels_alone():
    features = torch.randn(4, 151)
    once = orthonormal(features)
    torch.testing.assert_close(orthonormal(once), once, atol=1e-5, rtol=1e-5)
    assert torch.equal(once[:, 144:], features[:, 144:])


def test_progress_is_told_once_a_step(tiny):
    told = []
    sample_features(tiny, condition_of(1, 10), FAST, progress=lambda *now: told.append(now))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_the_largest_seed_works(tiny):
    seed = 2**63 - 1
    assert (
        sample_features(tiny, condition_of(1, 5), SamplingOptions(steps=1, seed=seed))
        .isfinite()
        .all()
    )
