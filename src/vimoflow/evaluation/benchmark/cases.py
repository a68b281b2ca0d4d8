"""Cases of a benchmark: one clip seen from one view, with its truth in the frame of predictions."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.conventions import MODEL_FPS
from vimoflow.data.batches import is_static
from vimoflow.data.shards import Shard
from vimoflow.data.virtual_cameras import (
    LEVEL_CAMERAS,
    CameraSettings,
    image_size_px,
    sample_cameras,
)
from vimoflow.errors import InputError
from vimoflow.evaluation.benchmark.measured_paths import measured_path
from vimoflow.geometry.camera_path import CameraPath
from vimoflow.geometry.cameras import camera_heading
from vimoflow.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle, rotation_about
from vimoflow.inference.conditioning.corruption import (
    CorruptionSettings,
    corrupt_keypoints,
    view_through,
)
from vimoflow.motion.clip import Motion
from vimoflow.motion.kinematics import coco_points, forward_kinematics

LONGEST = 150  # frames of a clip from a virtual camera
# What clips without real 2D are damaged with, the same for all checkpoints.
NOISE = CorruptionSettings(long_swap_per_s=0.01, long_swap_s=0.4)
MIN_FRAMES = 4  # for a third derivative


@dataclass(frozen=True)
class Case:
    """One clip seen from one view, with its truth turned so that the camera's heading is zero.

    2D and truth must have as many frames; ``require_usable`` checks it.

    Attributes:
        name: of the recording; clips of one recording are not independent.
        static_camera: whether the camera stands still: its image shows where the person goes.
        view: which camera, for people.
        source: what the 2D is: "truth", "noisy", "detections" or "video".
        start_s: where the clip starts in its recording.
        music_beats_s: times of the music's beats from the clip's start, where there is music.
        image_size_px: width and height of the picture, where they are known.
        down: gravity's direction in the camera's frame, where it is known: to measure, not to use.
        camera: how a moving one turned, as its picture tells; None where that was not looked at.
        trust: how much each point counts in a fit; None where all do.
    """

    name: str
    corpus: str
    group: str
    points_px: Float[np.ndarray, "frames 17 3"]
    truth: Motion
    truth_coco: Float[np.ndarray, "truth_frames 17 3"]
    static_camera: bool = True
    view: str = ""
    source: str = "noisy"
    start_s: float = 0.0
    music_beats_s: Float[np.ndarray, " beats"] | None = None
    image_size_px: tuple[float, float] | None = None
    down: Float[np.ndarray, "3"] | None = None
    camera: CameraPath | None = None
    trust: Float[np.ndarray, "frames 17"] | None = None

    @property
    def title(self) -> str:
        """For messages and tables."""
        return f"{self.name} {self.view}".strip()


def picked_rows(rows: Sequence[int], limit: int | None) -> list[int]:
    """At most ``limit`` of the rows, evenly spread."""
    if limit is None or len(rows) <= limit:
        return list(rows)
    return [rows[i] for i in np.linspace(0, len(rows) - 1, limit).astype(int)]


def validation_cases(
    shards: Sequence[Shard], limit: int, seed: int, longest: int = LONGEST
) -> list[Case]:
    """Cases of the shards: all real views where there are any, else one virtual view a recording.

    At most ``limit`` recordings of each corpus and group, evenly spread, cut to ``longest`` frames
    (in the middle); real views are used over their whole length.
    """
    cases = []
    for shard in shards:
        for group in sorted(set(shard.groups)):
            rows = [i for i, g in enumerate(shard.groups) if g == group]
            for row in picked_rows(rows, limit):
                views = real_views(shard, row)
                if views:
                    cases += [real_case(shard, row, view) for view in views]
                else:
                    cases.append(virtual_case(shard, row, seed, longest))
    return cases


def real_views(shard: Shard, row: int) -> list[int]:
    """Which of the shard's views show a recording."""
    return [int(view) for view in np.flatnonzero(shard.view_of == row)]


def real_case(shard: Shard, row: int, view: int) -> Case:
    """A recording through the real detections of one of its views, over its whole length."""
    R, root, contacts, span = _recording(shard, row, None)
    start = int(shard.view_starts[view])
    points = shard.keypoints[start : start + len(root)]
    case = _case(
        shard, row, span, points, R, root, contacts, float(shard.view_headings[view])
    )  # fmt: skip
    number = real_views(shard, row).index(view)
    lens = shard.view_lenses[view]
    known = {"image_size_px": (2 * lens[1], 2 * lens[2]), "down": lens[3:]} if lens[0] else {}
    return dataclasses.replace(case, view=f"view {number + 1}", source="detections", **known)


def virtual_case(
    shard: Shard,
    row: int,
    seed: int,
    longest: int = LONGEST,
    noisy: bool = True,
    cameras: CameraSettings = LEVEL_CAMERAS,
    noise: CorruptionSettings = NOISE,
) -> Case:
    """The middle of a recording through a virtual camera, with a detector's noise or without."""
    R, root, contacts, span = _recording(shard, row, longest)
    generator = torch.Generator().manual_seed(seed * 100_003 + row)
    R_world, joints = forward_kinematics(R, root)
    camera = sample_cameras(joints[None], generator, cameras)
    clear = view_through(camera, coco_points(R_world, joints)[None])
    settings = noise if noisy else CorruptionSettings(severity=0.0)
    points = corrupt_keypoints(clear, generator, None, settings)[0]
    heading = float(camera_heading(camera.R_camera_world[0, 0]))
    case = _case(shard, row, span, points.numpy(), R, root, contacts, heading)
    static = bool(is_static(camera)[0])
    rng = np.random.default_rng((seed, row))
    return dataclasses.replace(
        case,
        static_camera=static,
        camera=None if static else measured_path(camera, rng),
        view="virtual",
        source="noisy" if noisy else "truth",
        image_size_px=tuple(image_size_px(camera)[0, 0].tolist()),
        down=-camera.R_camera_world[0, 0, :, 1].numpy(),
    )


def turned(motion: Motion, yaw: float) -> Motion:
    """A motion turned about the world's vertical axis by ``yaw`` radians."""
    turn = rotation_about("y", torch.tensor(yaw, dtype=torch.float64))
    R = torch.from_numpy(motion.local_rotations).clone()
    R[:, 0] = turn @ R[:, 0]
    root = torch.from_numpy(motion.trans).double() @ turn.T
    return dataclasses.replace(
        motion,
        poses=matrix_to_axis_angle(R).float().numpy(),
        trans=root.float().numpy(),
    )


def require_usable(cases: Sequence[Case]) -> None:
    """Refuse an empty set, clips that are too short or not finite, and mismatched lengths.

    Raises:
        InputError: in one line, with the clip's name.
    """
    if not cases:
        raise InputError("the benchmark selects no clip; check corpora, groups, names and --data")
    for case in cases:
        lengths = {len(case.truth), len(case.points_px), len(case.truth_coco)}
        if len(lengths) > 1:
            raise InputError(
                f"{case.title}: {len(case.points_px)} frames of 2D but {len(case.truth)} of truth"
            )
        if len(case.truth) < MIN_FRAMES:
            raise InputError(f"{case.title}: {len(case.truth)} frames are too few to be measured")
        arrays = (case.points_px, case.truth.poses, case.truth.trans, case.truth_coco)
        if not all(np.isfinite(array).all() for array in arrays):
            raise InputError(f"{case.title}: holds NaN or infinite values")


def _recording(
    shard: Shard, row: int, longest: int | None
) -> tuple[Tensor, Tensor, np.ndarray, slice]:
    """Rotations, root, contacts and the rows of a recording, or of its middle."""
    first, end = int(shard.starts[row]), int(shard.starts[row + 1])
    if longest is not None and end - first > longest:
        first += (end - first - longest) // 2
        end = first + longest
    poses = torch.from_numpy(shard.poses[first:end]).unflatten(1, (24, 3))
    root = torch.from_numpy(shard.trans[first:end])
    return axis_angle_to_matrix(poses), root, shard.contacts[first:end], slice(first, end)


def _case(
    shard: Shard,
    row: int,
    span: slice,
    points: np.ndarray,
    R: Tensor,
    root: Tensor,
    contacts: np.ndarray,
    heading: float,
) -> Case:
    """Turn the truth so that the camera's heading is zero, as predictions are."""
    turn = rotation_about("y", torch.tensor(-heading))
    R = R.clone()
    R[:, 0] = turn @ R[:, 0]
    root = root @ turn.T
    truth = Motion(matrix_to_axis_angle(R).numpy(), root.numpy(), MODEL_FPS, contacts)
    points_3d = coco_points(*forward_kinematics(R, root)).numpy()
    if len(shard.coco_truth):
        points_3d = shard.coco_truth[span] @ turn.numpy().T
    return Case(
        shard.names[row], shard.entry.corpus, shard.groups[row],
        points.astype(np.float32), truth, points_3d,
        start_s=(span.start - int(shard.starts[row])) / MODEL_FPS,
    )  # fmt: skip
