"""How to sample."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.diffusion.sampler import SamplerName, require_sampler
from vimoflow.errors import ConfigError


@dataclass(frozen=True)
class SamplingOptions:
    """How to sample.

    Attributes:
        steps: denoising steps; one pass needs none.
        sampler: "one-pass" is the mean of what the checkpoint holds possible, asked once with
            nothing known (``diffusion.reference``): the least error, and always the same; "ddim",
            "ddpm" and "mean" draw one of the possible motions from noise; "auto" is one pass with
            checkpoints that were taught to, otherwise ddim.
        guidance: the thesis' w; 0 is none.
        seed: of the noise.
        window: frames a window at 30 fps, as trained.
        refine: bring the result closer to the keypoints afterwards, see ``refinement``, and hold
            still who hardly moves, see ``stillness``.
        lock_feet: let resting feet rest, see ``refinement.foot_locking``.
        overlap: frames that neighbouring windows share at least; with 100 of 150 it matters little
            where they lie, and one pass has two to four times as many (docs/long-motion).
        mirrored: one pass is asked twice, the second time about the mirror image, and the answers'
            mean is taken.
        calm: what is drawn differs smoothly in time from the one-pass answer, where the checkpoint
            has one; see ``calming``.
    """

    steps: int = 10
    sampler: str = "auto"
    guidance: float = 0.0
    seed: int = 0
    window: int = 150
    overlap: int = 100
    refine: bool = True
    lock_feet: bool = True
    mirrored: bool = True
    calm: bool = True

    def sampler_of(self, checkpoint: Checkpoint) -> SamplerName | Literal["one-pass"]:
        """The sampler that a checkpoint is asked with.

        Raises:
            ConfigError: there is no such sampler, or the checkpoint was not taught one pass.
        """
        if self.sampler == "auto":
            return "one-pass" if checkpoint.one_pass else "ddim"
        if self.sampler != "one-pass":
            return require_sampler(self.sampler)
        if not checkpoint.one_pass:
            raise ConfigError(
                f"the checkpoint {checkpoint.name!r} was not trained for one pass: use ddim"
            )
        return "one-pass"

    def drawing(self) -> SamplingOptions:
        """The same, but with a sampler that draws: one pass gives one answer only."""
        if self.sampler not in ("auto", "one-pass"):
            return self
        return dataclasses.replace(self, sampler="ddim")
