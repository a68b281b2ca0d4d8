"""Real clips of still cameras as cameras would have filmed them that turn, shake or crop.

What the camera did is known, and the path of the still clip is the one that each should give.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import Float

from vimoflow.geometry.camera_path import CameraPath
from vimoflow.keypoints.estimators import KeypointEstimator, find_estimator
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.pipeline.video_to_motion import VideoToMotion
from vimoflow.video import VideoFrame, frames
from vimoflow.video.camera_motion import CameraMotion, CameraWatch
from vimoflow.video.camera_turns import opencv

_LONGEST = 150  # frames
KINDS = ("still", "cropped", "turned, 0.8", "turned, 1.45", "shaken")


@dataclass(frozen=True)
class Filming:
    """A virtual camera in front of a real picture.

    Attributes:
        kind: one of ``KINDS``.
        share: of the picture's width that it sees.
        tall: of its height.
        reach: how far it goes to either side, as a share of the picture's width.
        period_s: from one side to the other and back.
    """

    kind: str
    share: float = 0.62
    tall: float = 0.62
    reach: float = 0.15
    period_s: float = 3.0

    def views(self, shown: Sequence[VideoFrame]) -> Iterator[VideoFrame]:
        """What it sees of every frame, 640 pixels wide."""
        cv2 = opencv()
        for frame in shown:
            height, width = frame.rgb.shape[:2]
            size = (640, round(640 * self.tall * height / (self.share * width)))
            H = self.mapping(frame.time, (width, height))
            rgb = cv2.warpPerspective(
                frame.rgb, H, size, flags=cv2.INTER_AREA | cv2.WARP_INVERSE_MAP
            )
            yield dataclasses.replace(frame, rgb=rgb)

    def mapping(self, time_s: float, size: tuple[int, int]) -> Float[np.ndarray, "3 3"]:
        """From its pixels to those of the real picture."""
        width, height = size
        scale = self.share * width / 640
        corner = -self.share * width / 2, -self.tall * height / 2
        own = np.array([[scale, 0, corner[0]], [0, scale, corner[1]], [0, 0, 1]])
        middle = np.array([[1, 0, width / 2], [0, 1, height / 2], [0, 0, 1.0]])
        along = np.cos(2 * np.pi * time_s / self.period_s)
        if self.kind == "still":
            return middle @ own
        if self.kind == "cropped":
            middle[0, 2] += self.reach * width * along
            return middle @ own
        focal = width * (0.8 if self.kind.endswith("0.8") else 1.45) * self.share
        angle = np.arctan(self.reach * width / focal) * along
        turn = (0.0, angle, 0.0)
        if self.kind == "shaken":
            waves = np.sin(2 * np.pi * time_s * np.array([1.3, 1.9, 2.7]) + (0, 1, 2))
            turn = tuple(np.radians((0.6, 0.8, 0.5)) * waves)
        R = opencv().Rodrigues(np.array(turn))[0]
        K = np.diag((focal, focal, 1.0))
        return middle @ K @ R @ np.linalg.inv(K) @ own


@dataclass(frozen=True)
class Seen:
    """What was found in a view of a clip.

    Attributes:
        kind: of the filming.
        path: of the pelvis, metres.
        camera: what the background told; None where it told nothing.
    """

    kind: str
    path: Float[np.ndarray, "frames 3"]
    camera: CameraPath | None


def panned(model: VideoToMotion, estimator: str, video: Path) -> str:
    """The table of a video with one person in its middle, see `panned_table`."""
    make = find_estimator(estimator)
    shown = list(islice(frames(video), _LONGEST))
    return panned_table(
        video.name, [seen_clip(model, make(), shown, Filming(kind)) for kind in KINDS]
    )


def seen_clip(
    model: VideoToMotion,
    detector: KeypointEstimator,
    shown: Sequence[VideoFrame],
    filming: Filming,
) -> Seen:
    """A clip through one virtual camera, as ``generate`` takes it by default."""
    watch = CameraWatch(detector)
    views = list(filming.views(shown))
    points = np.stack(list(watch.estimate(iter(views))))
    height, width = views[0].rgb.shape[:2]
    keypoints = Keypoints2D(points, np.array([f.time for f in views]), (width, height))
    motion = model.sample(keypoints, camera=watch.path or True, cuts=())[0]
    return Seen(filming.kind, motion.trans.astype(float), watch.path)


def panned_table(name: str, seen: Sequence[Seen]) -> str:
    """What each camera was taken for, and how far its path is from that of the still one."""
    lines = [f"{name}:"]
    for one in seen:
        extent = np.ptp(one.path[:, [0, 2]], axis=0)
        off = np.linalg.norm((one.path - seen[0].path)[:, [0, 2]], axis=1)
        focal = None if one.camera is None else one.camera.focal
        lines.append(
            f"  {one.kind:13s} {CameraMotion.of(one.camera)!s}; focal length "
            f"{'not found' if focal is None else f'{focal:.2f}'}; extent {extent[0]:.2f} x "
            f"{extent[1]:.2f} m; off the still one {1000 * off.mean():.0f} mm, at most "
            f"{1000 * off.max():.0f}"
        )
    return "\n".join(lines)
