"""How a data set is built."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import Annotated

from vimoflow.conventions import DEFAULT_CHECKPOINT, MODEL_FPS
from vimoflow.errors import ConfigError
from vimoflow.options import MODEL, PYTHON_ONLY, Option, require_sensible
from vimoflow.registry import DETECTORS

_FORMAT = 2  # of the files in the work folder; other numbers do not go together


@dataclass(frozen=True)
class SeenLimits:
    """What the keypoints must show.

    Attributes:
        visible: below this share of the body's points there is no person, or too little of one.
        person_px: below this height the limbs are a few pixels thick.
        confidence: below this mean confidence a detector guesses.
        movement_mps: below it nobody moves; of a person who stood and waited it was
            0.034.
    """

    visible: float = 0.6
    person_px: float = 80.0
    confidence: float = 0.4
    movement_mps: float = 0.05


@dataclass(frozen=True)
class MotionLimits:
    """What a motion may show.

    Attributes:
        speed_mps: of the fastest joint; the fastest honest hands and feet reach 14 m/s
            (``data.quality_gates``).
        jerk: m/s^3; above it the motion trembles.
        foot_slide_mm: a frame; above it feet skate.
        reprojection_percent: of the height; above it the motion is not what the video shows.
        spread_mm: above it the samples do not agree on what happened.
        risk: the verdict's; above it a result is called bad.
        implausibility: of the physics report; asked where physics is.
    """

    speed_mps: float = 15.0
    jerk: float = 800.0
    foot_slide_mm: float = 15.0
    reprojection_percent: float = 6.0
    spread_mm: float = 40.0
    risk: float = 0.6
    implausibility: float = 2.0


@dataclass(frozen=True)
class BuildSettings:
    """What decides about the content of a data set; nothing else does.

    Attributes:
        estimator: what finds the 2D keypoints, or package.module:Class of your own.
        checkpoint: name of a checkpoint that ships, or path of a file.
        samples: motions of each clip; their spread is the strongest sign of quality.
        steps: denoising steps.
        refine: bring the samples closer to the keypoints.
        seconds: length of the clips.
        static_camera: whether cameras stood still, so that the path in the image gives the root's.
        validation_share: of the videos without a stated split that go to validation.
        keep_rejected: also animate and write the clips that the gates reject.
        physics: also keep out what a body could not do: forces out of nowhere, floating, feet
            that are carried off.
        seen_limits, motion_limits: of the gates.
        seed: of the samples, mixed with each clip's own identity.

    Raises:
        ConfigError: a value that makes no sense.
    """

    estimator: Annotated[str, Option(registry=DETECTORS)] = "mediapipe"
    checkpoint: Annotated[str, Option(metavar="NAME|PATH", group=MODEL)] = DEFAULT_CHECKPOINT
    samples: Annotated[int, Option(metavar="K", low=2, high=64)] = 2
    steps: Annotated[int, Option(metavar="N", low=1, high=1000, group=MODEL)] = 10
    refine: Annotated[bool, Option(group=MODEL)] = True
    seconds: Annotated[float, Option(metavar="S", low=1, high=60)] = 5.0
    static_camera: Annotated[bool, PYTHON_ONLY] = True
    validation_share: Annotated[float, Option(("--validation",), metavar="SHARE")] = 0.1
    keep_rejected: bool = False
    physics: bool = False
    seen_limits: Annotated[SeenLimits, PYTHON_ONLY] = field(default_factory=SeenLimits)
    motion_limits: Annotated[MotionLimits, PYTHON_ONLY] = field(default_factory=MotionLimits)
    seed: Annotated[int, Option(metavar="N", low=0, high=2**63 - 1, group=MODEL)] = 0

    def __post_init__(self) -> None:
        require_sensible(self)
        if not 0 <= self.validation_share < 1:
            raise ConfigError(f"--validation: {self.validation_share:g}; at least 0, less than 1")

    @property
    def frames(self) -> int:
        """Frames of a clip at 30 Hz."""
        return round(self.seconds * MODEL_FPS)

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
