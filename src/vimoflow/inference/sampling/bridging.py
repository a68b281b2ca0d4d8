"""Frames around a cut, denoised once more at a noise level of their own, given both sides.

Known frames enter at timestep 0, those of the bridge at the level they have reached: what a model
trained with a timestep for each frame can take (vectorized timesteps). Each side's camera has a
frame of its own, so the model is asked once in each, and the answers meet in the common one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.diffusion.sampler import inference_timesteps
from vimoflow.diffusion.windows import WindowPlan
from vimoflow.inference.conditioning.encoding import Condition
from vimoflow.inference.sampling.denoising import window_channels
from vimoflow.inference.sampling.joining import GROUND
from vimoflow.inference.sampling.noise import FrameNoise
from vimoflow.inference.sampling.options import SamplingOptions
from vimoflow.inference.sampling.turning import turned_features

_HALF = 8  # frames of the bridge to either side of the cut
_NOISE_STEP = 1_000  # past any sampler's: the bridge's noise is not the sample's


@dataclass(frozen=True)
class Side:
    """One side of a cut.

    Attributes:
        over: the condition of any frames (first, end) as this side's camera saw them.
        yaw: the camera's heading in the common frame, radians.
    """

    over: Callable[[int, int], Condition]
    yaw: Float[Tensor, "batch"]


def bridged(
    checkpoint: Checkpoint,
    features: Float[Tensor, "batch frames 151"],
    cut: int,
    sides: tuple[Side, Side],
    options: SamplingOptions,
) -> Float[Tensor, "batch frames 151"]:
    """The motion with the frames around ``cut`` denoised again; all others stay as they are."""
    frames = features.shape[1]
    half = min(_HALF, cut - 1, frames - cut - 1)
    if half < 1:
        return features
    first = max(0, min(cut - options.window // 2, frames - options.window))
    end = min(frames, first + options.window)
    levels = [
        t
        for t in inference_timesteps(checkpoint.schedule.T, options.steps)
        if t <= options.bridge_t
    ]
    bridge = slice(cut - half - first, cut + half - first)
    window = features[:, first:end].clone()
    noise = FrameNoise(options.seed, len(features), features.device)(_NOISE_STEP, first, end)
    noise = noise[:, bridge]
    normal, schedule = checkpoint.normalization, checkpoint.schedule
    asked = [_Asked(checkpoint, side, side.over(first, end)) for side in sides]
    later = torch.linspace(0, 1, 2 * half + 2)[1:-1, None]  # share of the second side
    for t in levels:
        level = torch.zeros(window.shape[:2], dtype=torch.long)
        level[:, bridge] = t
        a, s = schedule.signal_rate(torch.tensor(t)), schedule.noise_rate(torch.tensor(t))
        told = [side(window, noise, level, bridge) for side in asked]
        found = _through(window, torch.lerp(told[0], told[1], later), bridge)
        change = normal.normalize(window[:, bridge]) - normal.normalize(found)
        noise = noise + (a / s) * change  # what is noise if the new estimate is right (DDIM)
        window[:, bridge] = found
    out = features.clone()
    out[:, first:end] = window
    return out


def _through(window: Tensor, found: Tensor, bridge: slice) -> Tensor:
    """The bridge moved so that it goes on from its neighbours: their misfit, faded across it."""
    before, after = window[:, bridge.start - 1], window[:, bridge.stop]
    start = before - (2 * found[:, 0] - found[:, 1])
    stop = after - (2 * found[:, -1] - found[:, -2])
    along = torch.linspace(0, 1, found.shape[1])[:, None]
    return found + torch.lerp(start[:, None], stop[:, None], along)


class _Asked:
    """The model as one side's camera asks it."""

    def __init__(self, checkpoint: Checkpoint, side: Side, condition: Condition) -> None:
        self.checkpoint, self.yaw = checkpoint, side.yaw
        plan = WindowPlan.cover(condition.pose.shape[1], condition.pose.shape[1])
        self.rows = window_channels(condition, plan)

    def __call__(self, window: Tensor, noise: Tensor, level: Tensor, bridge: slice) -> Tensor:
        """The bridge's clean frames (batch, l, 151) in the common frame, on its ground."""
        normal, schedule = self.checkpoint.normalization, self.checkpoint.schedule
        origin = window[:, :1, GROUND].clone()
        own = window.clone()
        own[..., GROUND] -= origin
        own = normal.normalize(turned_features(own, -self.yaw))
        t = level[:, bridge]
        own[:, bridge] = schedule.add_noise(own[:, bridge], t, noise)
        x0 = self.checkpoint.denoiser(own, level, self.rows, None)
        found = turned_features(normal.denormalize(x0), self.yaw)
        found[..., GROUND] += origin
        edges = [bridge.start - 1, bridge.stop]
        gap = (window[:, edges][..., GROUND] - found[:, edges][..., GROUND]).mean(1, keepdim=True)
        found = found[:, bridge].clone()
        found[..., GROUND] += gap
        return found
