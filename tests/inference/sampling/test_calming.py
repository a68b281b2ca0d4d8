"""Drawn motions are calm where they differ, and quick where the likeliest motion is."""

from __future__ import annotations

import pytest
import torch

from motion_examples import swinging_motion
from vimoflow.geometry.rotations import axis_angle_to_matrix
from vimoflow.inference.sampling.calming import calmed
from vimoflow.motion.features import encode_features


def features(frames: int = 60) -> torch.Tensor:
    motion = swinging_motion(frames)
    R = axis_angle_to_matrix(torch.from_numpy(motion.poses).double())
    contacts = torch.from_numpy(motion.contacts).double()
    return encode_features(R, contacts, torch.from_numpy(motion.trans).double())[None]


def test_a_constant_way_off_stays() -> None:
    likeliest = features()
    drawn = likeliest.clone()
    drawn[..., -3:] += 0.25
    torch.testing.assert_close(calmed(drawn, likeliest), drawn)


def test_trembling_goes_and_slow_differences_stay() -> None:
    likeliest = features()
    seconds = torch.arange(60, dtype=torch.float64) / 30
    slow = 0.2 * torch.sin(2 * torch.pi * 0.3 * seconds)[None, :, None]
    shake = torch.randn(1, 60, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    drawn = likeliest.clone()
    drawn[..., -3:] += slow + 0.05 * shake
    off = calmed(drawn, likeliest)[..., -3:] - likeliest[..., -3:]
    assert (off - slow).abs()[:, 6:-6].max() < 0.06
    before = torch.diff(slow + 0.05 * shake, n=3, dim=1).square().mean()
    assert torch.diff(off, n=3, dim=1).square().mean() < 0.001 * before


@pytest.mark.parametrize("end", [40, 59])
def test_frames_that_are_no_frames_say_nothing(end: int) -> None:
    likeliest = features()
    drawn = likeliest + 0.01
    valid = torch.arange(60)[None] < end
    other = drawn.clone()
    other[:, end:] = 9.0
    a, b = calmed(drawn, likeliest, valid), calmed(other, likeliest, valid)
    torch.testing.assert_close(a[:, :end], b[:, :end])
