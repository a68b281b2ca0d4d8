"""Frames of which nothing is known: timestep T, where ``x_t`` holds a guess instead of noise.

The last trained noise says nothing about the data either, but it is noise: the network would have
to learn to ignore it, and one pass gives one of many answers. From a guess that is always the same
(the mean of the data, or what is likely between known frames) one pass gives the mean of all
answers, the one with the least expected error.
"""

from __future__ import annotations

import functools

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from vimoflow.diffusion.schedule import NoiseSchedule

_NEIGHBOURS = 4  # known frames on either side of a gap that count: place, velocity, acceleration
_NUGGET = 0.05  # noise of a frame in the variogram's first value: bounds what velocities may say


class Kriging:
    """The best linear guess between known frames: ordinary kriging of every channel by itself.

    The guess is the weighted mean of the nearest known frames with the least expected squared
    error, given how far apart values are at every distance in time (Matheron 1963; in the notation
    of Cressie 1993, section 3.2). Beyond the ends it goes on and comes to rest.

    Args:
        variogram: half the mean squared difference of frames 0, 1, 2 ... apart; its scale does not
            matter.
    """

    def __init__(self, variogram: Float[Tensor, "lags channels"]) -> None:
        floor = 1e-9 + 1e-6 * variogram.amax(0)
        self.variogram = torch.maximum(variogram.double(), floor.double())
        self.variogram[0] = 0.0
        self._weights = functools.lru_cache(maxsize=4096)(self._solve)

    def __call__(
        self, x: Float[Tensor, "batch frames channels"], known: Bool[Tensor, "batch frames"]
    ) -> Float[Tensor, "batch frames channels"]:
        """Known frames as they are, guesses in the others; 0 in clips of which nothing is known.

        0 is the mean of normalised data.
        """
        out = torch.where(known[..., None], x, 0.0)
        for row in torch.where(known.any(1) & ~known.all(1))[0].tolist():
            for first, end in _gaps(known[row]):
                near = _neighbours(known[row], first, end)
                weights = self._weights(tuple(i - first for i in near), end - first).to(x)
                out[row, first:end] = torch.einsum("kuc,kc->uc", weights, x[row, list(near)])
        return out

    def _solve(self, at: tuple[int, ...], length: int) -> Float[Tensor, "known frames channels"]:
        """Weights of known frames at these places relative to a gap's first frame."""
        places, gap = torch.tensor(at), torch.arange(length)
        among = self._between(places[:, None] - places)
        among = among - _NUGGET * self.variogram[1] * torch.eye(len(at))[..., None]
        count = len(at) + 1
        # The last row and column make the weights sum to 1 (Lagrange multiplier).
        system = torch.ones(count, count, len(self.variogram[0]), dtype=torch.float64)
        system[:-1, :-1] = among
        system[-1, -1] = 0.0
        right = torch.ones(count, length, len(self.variogram[0]), dtype=torch.float64)
        right[:-1] = self._between(places[:, None] - gap)
        solved = torch.linalg.solve(system.movedim(-1, 0), right.movedim(-1, 0))
        return solved[:, :-1].movedim(0, -1).float()

    def _between(self, distance: Int[Tensor, "a b"]) -> Float[Tensor, "a b channels"]:
        return self.variogram[distance.abs().clamp(max=len(self.variogram) - 1)]


def noisy_or_guessed(
    schedule: NoiseSchedule,
    x0: Float[Tensor, "batch frames channels"],
    t: Int[Tensor, "batch frames"],
    noise: Float[Tensor, "batch frames channels"],
    kriging: Kriging,
) -> Float[Tensor, "batch frames channels"]:
    """What the denoiser is shown at timesteps 0 to T.

    Up to ``T - 1`` it is the data with noise, at T a guess from the frames at 0, which are known.

    Args:
        schedule: the noise schedule.
        x0: normalised data.
        t: timesteps.
        noise: standard normal.
        kriging: of the data's channels.
    """
    x_t = schedule.add_noise(x0, t.clamp(max=schedule.T - 1), noise)
    blank = t == schedule.T
    if not bool(blank.any()):
        return x_t
    return torch.where(blank[..., None], kriging(x0, t == 0), x_t)


def _gaps(known: Bool[Tensor, "frames"]) -> list[tuple[int, int]]:
    """Runs of unknown frames, first and end."""
    edges = torch.diff(torch.nn.functional.pad((~known).int(), (1, 1)))
    return list(
        zip(torch.where(edges == 1)[0].tolist(), torch.where(edges == -1)[0].tolist(), strict=True)
    )


def _neighbours(known: Bool[Tensor, "frames"], first: int, end: int) -> tuple[int, ...]:
    """The known frames nearest to a gap, before and after it."""
    before = torch.where(known[:first])[0][-_NEIGHBOURS:]
    after = end + torch.where(known[end:])[0][:_NEIGHBOURS]
    return tuple(torch.cat((before, after)).tolist())
