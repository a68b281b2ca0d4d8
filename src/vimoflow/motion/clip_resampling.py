"""A motion at other times: another rate, or an even clock in place of an uneven one."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from vimoflow.errors import ConfigError
from vimoflow.geometry.rotations import matrix_to_axis_angle, slerp_resample
from vimoflow.geometry.signals import linear_resample
from vimoflow.motion.clip import Motion

_EVEN_S = 1e-3  # a clock that is nowhere further than this from an even one is even
_INSTANT_S = 1e-6
_WHOLE = 1e-4  # a rate nearer than this share to a whole number is that number


def resample_motion(motion: Motion, fps: float) -> Motion:
    """The motion at another rate, from its first time on: rotations on SO(3), the root linearly.

    A contact at a new time is that of the nearer old one. Keypoints are left behind.
    """
    times = torch.from_numpy(motion.timestamps - motion.timestamps[0])
    count = int(np.floor(float(times[-1]) * fps + 1e-6)) + 1
    new_times = torch.arange(count, dtype=torch.float64) / fps
    R = slerp_resample(torch.from_numpy(motion.local_rotations), times, new_times)
    trans = linear_resample(torch.from_numpy(motion.trans).double(), times, new_times)
    middles = (times[1:] + times[:-1]) / 2
    nearest = torch.searchsorted(middles, new_times).numpy()
    return Motion(
        poses=matrix_to_axis_angle(R).numpy().astype(np.float32),
        trans=trans.numpy().astype(np.float32),
        fps=fps,
        contacts=motion.contacts[nearest],
        skeleton=motion.skeleton,
    )


def trimmed(motion: Motion, start_s: float | None, end_s: float | None) -> Motion:
    """The frames from ``start_s`` to ``end_s``, seconds from the motion's first frame on.

    Raises:
        ConfigError: there are none.
    """
    times = motion.timestamps - motion.timestamps[0]
    first = np.searchsorted(times, (start_s or 0.0) - _INSTANT_S)
    end = np.searchsorted(times, (times[-1] if end_s is None else end_s) + _INSTANT_S)
    if first >= end:
        raise ConfigError(f"nothing lies between the start and the end; it lasts {times[-1]:.4g} s")
    rows = slice(int(first), int(end))
    kept = {
        name: values[rows]
        for name in ("poses", "trans", "contacts", "timestamps", "joints2d", "observed")
        if (values := getattr(motion, name)) is not None
    }
    return dataclasses.replace(motion, **kept)


def at_even_times(motion: Motion) -> Motion:
    """The motion itself if its clock is even; else resampled at the rate that most frames have.

    For formats that have one rate and no times.
    """
    steady = motion.timestamps[0] + np.arange(len(motion)) / motion.fps
    if np.abs(motion.timestamps - steady).max() < _EVEN_S:
        return motion
    rate = float(1 / np.median(np.diff(motion.timestamps)))
    whole = float(max(round(rate), 1))  # times are often rounded to microseconds
    return resample_motion(motion, whole if abs(rate / whole - 1) < _WHOLE else rate)
