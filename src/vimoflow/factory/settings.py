"""How a data set is built."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass, field
from pathlib import Path

from vimoflow.errors import ConfigError
from vimoflow.factory.gates import MotionLimits, SeenLimits

FPS = 30.0
_FORMAT = 1  # of the files in the work folder; other numbers do not go together


@dataclass(frozen=True)
class BuildSettings:
    """What decides about the content of a data set; nothing else does.

    Attributes:
        estimator: name of a keypoint estimator, or ``package.module:Class`` of your own.
        checkpoint: name of a checkpoint that ships, or path of a file.
        samples: motions of each clip; their spread is the strongest sign of quality.
        steps: denoising steps.
        refine: bring the samples closer to the keypoints.
        seconds: length of the clips.
        static_camera: whether cameras stood still, so that the path in the image tells the root's.
        validation_share: of the videos without a stated split that go to validation.
        keep_rejected: also animate and write the clips that the gates reject.
        seen_limits, motion_limits: of the gates.
        seed: of the samples, mixed with each clip's own identity.

    Raises:
        ConfigError: a value that makes no sense.
    """

    estimator: str = "mediapipe"
    checkpoint: str = "small"
    samples: int = 2
    steps: int = 10
    refine: bool = True
    seconds: float = 5.0
    static_camera: bool = True
    validation_share: float = 0.1
    keep_rejected: bool = False
    seen_limits: SeenLimits = field(default_factory=SeenLimits)
    motion_limits: MotionLimits = field(default_factory=MotionLimits)
    seed: int = 0

    def __post_init__(self) -> None:
        if not 2 <= self.samples <= 64:
            raise ConfigError(f"--samples: {self.samples}; from 2 (their spread is needed) to 64")
        if not (math.isfinite(self.seconds) and 1 <= self.seconds <= 60):
            raise ConfigError(f"--seconds: {self.seconds:g}; clips are from 1 to 60 s long")
        if not 0 <= self.validation_share < 1:
            raise ConfigError(f"--validation: {self.validation_share:g}; at least 0, less than 1")
        if not 1 <= self.steps <= 1000:
            raise ConfigError(f"--steps: {self.steps}; from 1 to 1000")

    @property
    def frames(self) -> int:
        """Frames of a clip at 30 Hz."""
        return round(self.seconds * FPS)

    @property
    def seeing(self) -> str:
        """Key of the settings that decide what is seen in a video."""
        return _digest({"format": _FORMAT, "estimator": self.estimator})

    def animating(self, checkpoint: str) -> str:
        """Key of the settings that decide how a video is animated.

        Args:
            checkpoint: digest of the weights, see :func:`checkpoint_digest`.
        """
        values = dataclasses.asdict(self) | {"format": _FORMAT, "checkpoint": checkpoint}
        del values["validation_share"], values["motion_limits"]  # asked when all is there
        return _digest(values)


def _digest(values: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal; ``OSError`` where it cannot be read."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
