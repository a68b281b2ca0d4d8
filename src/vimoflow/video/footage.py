"""A video, and what its user says of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vimoflow.conventions import TURNS
from vimoflow.errors import ConfigError


@dataclass(frozen=True)
class Footage:
    """Where the pictures are, and what the file does not say; every reader of videos takes it.

    Attributes:
        path: a video file, a folder of images, or a pattern of their names such as
            ``frames/%05d.png``.
        fps: frame rate in Hz where the pictures carry no times: of images, and of raw streams.
        rotate: how far to turn the pictures clockwise, degrees: 0, 90, 180 or 270.

    Raises:
        ConfigError: another angle.
    """

    path: Path
    fps: float | None = None
    rotate: int = 0

    def __post_init__(self) -> None:
        if self.rotate not in TURNS:
            raise ConfigError(f"--rotate: {self.rotate} is not one of 90, 180, 270")

    @classmethod
    def of(cls, video: str | Path | Footage) -> Footage:
        """The same, with nothing said of a path."""
        return video if isinstance(video, Footage) else cls(Path(video))
