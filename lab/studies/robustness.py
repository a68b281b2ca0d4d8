"""Error against damage to the 2D: one kind of damage at a time, on exact projections.

Every clip is filmed by a still virtual camera; level zero of every kind is the same exact 2D, so
the curves start at one point and show what each kind costs by itself.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from vimoflow.conventions import MODEL_FPS
from vimoflow.data.virtual_cameras import LEVEL_CAMERAS, sample_cameras
from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.errors import InputError
from vimoflow.evaluation.benchmark.cases import Case, turned
from vimoflow.evaluation.benchmark.prediction import predict
from vimoflow.evaluation.benchmark.scores import Score, score
from vimoflow.evaluation.metrics.intervals import Estimate, bootstrap_mean
from vimoflow.geometry.cameras import Camera, camera_heading, project
from vimoflow.geometry.rotations import rotation_about
from vimoflow.inference.conditioning.encoding import person_size_px
from vimoflow.inference.conditioning.resampling import resample_keypoints
from vimoflow.inference.sampling import SamplingOptions
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.motion.kinematics import coco_points, forward_kinematics

_STILL = dataclasses.replace(
    LEVEL_CAMERAS, pan_share=0.0, travel_share=0.0, orbit_share=0.0, zoom_share=0.0,
    handheld_share=0.0, roam_followed=0.0, wide_pitch_share=0.0,
)  # fmt: skip
_GAP_S = 1 / 3  # length of one gap


@dataclass(frozen=True)
class Filmed:
    """A clip with its still camera, in the world in which the camera's heading is zero."""

    case: Case
    camera: Camera
    points_world: Float[torch.Tensor, "frames 17 3"]


@dataclass(frozen=True)
class Damage:
    """One kind of damage: its levels (the first is none) and what it does to a clip."""

    name: str
    unit: str
    levels: tuple[float, ...]
    apply: Callable[[Filmed, float, np.random.Generator], Case]


@dataclass(frozen=True)
class CurvePoint:
    """Error at one level of damage, mean over clips."""

    level: float
    pa_mpjpe: Estimate
    mpjpe: Estimate
    acceleration_error: Estimate


@dataclass(frozen=True)
class Curve:
    """Error as a function of one kind of damage."""

    name: str
    unit: str
    points: tuple[CurvePoint, ...]


def robustness_curves(
    checkpoint: Checkpoint,
    cases: Sequence[Case],
    options: SamplingOptions,
    seed: int = 0,
    progress: Callable[[int, int | None], None] | None = None,
) -> list[Curve]:
    """Curves of all kinds of damage over the motions of some cases (their own 2D is not used).

    Each recording counts once, however many views it has.
    """
    unique = list({case.name: case for case in cases}.values())
    if not unique:
        raise InputError("the robustness suite has no clip to work on")
    filmed = [film(case, seed * 1013 + i) for i, case in enumerate(unique)]
    total = sum(len(damage.levels) for damage in DAMAGES)
    curves, done = [], 0
    for damage in DAMAGES:
        points = []
        for level in damage.levels:
            damaged = [
                damage.apply(clip, level, np.random.default_rng((seed, i)))
                for i, clip in enumerate(filmed)
            ]
            motions = predict(checkpoint, damaged, options)
            scores = [score(m, c) for m, c in zip(motions, damaged, strict=True)]
            points.append(_point(level, scores))
            done += 1
            if progress is not None:
                progress(done, total)
        curves.append(Curve(damage.name, damage.unit, tuple(points)))
    return curves


def film(case: Case, seed: int) -> Filmed:
    """Film the truth of a case exactly, by a still camera of its own."""
    R = torch.from_numpy(case.truth.local_rotations).float()
    _, joints = forward_kinematics(R, torch.from_numpy(case.truth.trans).float())
    camera = sample_cameras(joints[None], torch.Generator().manual_seed(seed), _STILL)
    heading = float(camera_heading(camera.R_camera_world[0, 0]))
    truth = turned(case.truth, -heading)
    R_world, joints = forward_kinematics(
        torch.from_numpy(truth.local_rotations), torch.from_numpy(truth.trans).double()
    )
    points = coco_points(R_world, joints)
    turn = rotation_about("y", torch.tensor(heading, dtype=torch.float64))
    still = Camera(
        camera.R_camera_world[0].double() @ turn, camera.t_camera_world[0].double(),
        camera.focal_px[0].double(), camera.center_px[0].double(),
    )  # fmt: skip
    exact = dataclasses.replace(
        case, truth=truth, truth_coco=points.float().numpy(), static_camera=True, source="truth",
        view="virtual", points_px=_image(still, points),
        image_size_px=tuple((2 * still.center_px[0]).tolist()),
    )  # fmt: skip
    return Filmed(exact, still, points)


def _image(camera: Camera, points: torch.Tensor) -> np.ndarray:
    px = project(camera, points)[0].numpy()
    return np.concatenate((px, np.ones((*px.shape[:2], 1))), axis=-1).astype(np.float32)


def _point(level: float, scores: Sequence[Score]) -> CurvePoint:
    return CurvePoint(
        level,
        bootstrap_mean(np.array([s.pa_mpjpe for s in scores])),
        bootstrap_mean(np.array([s.mpjpe for s in scores])),
        bootstrap_mean(np.array([s.acceleration_error for s in scores])),
    )


def _keeping(clip: Filmed, kept: np.ndarray) -> Case:
    """The clip without the points (frames, 17) that are not kept."""
    return dataclasses.replace(clip.case, points_px=clip.case.points_px * kept[..., None])


def _dropped_frames(clip: Filmed, percent: float, rng: np.random.Generator) -> Case:
    """Gaps of a third of a second without any point."""
    frames = len(clip.case.truth)
    length = round(_GAP_S * MODEL_FPS)
    blocks = math.ceil(frames / length)
    lost = rng.permutation(blocks)[: round(percent / 100 * blocks)]
    kept = ~np.isin(np.arange(frames) // length, lost)
    return _keeping(clip, np.repeat(kept[:, None], 17, axis=1))


def _dropped_joints(clip: Filmed, percent: float, rng: np.random.Generator) -> Case:
    """Joints missing for the whole clip."""
    lost = rng.permutation(17)[: round(percent / 100 * 17)]
    kept = np.ones((len(clip.case.truth), 17), bool)
    kept[:, lost] = False
    return _keeping(clip, kept)


def _noise(clip: Filmed, millimetres: float, rng: np.random.Generator) -> Case:
    """White Gaussian noise of each coordinate, at the person's distance."""
    points = clip.case.points_px.copy()
    size = float(person_size_px(torch.from_numpy(points)))
    points[..., :2] += rng.normal(0, 1e-3 * millimetres * size, points[..., :2].shape)
    return dataclasses.replace(clip.case, points_px=points)


def _cuts(clip: Filmed, degrees: float, rng: np.random.Generator) -> Case:
    """A cut in the middle to a camera elsewhere around the person."""
    frames = len(clip.case.truth)
    return _around(clip, np.where(np.arange(frames) < frames // 2, 0.0, degrees))


def _camera_motion(clip: Filmed, degrees_per_s: float, rng: np.random.Generator) -> Case:
    """The camera circles the person."""
    return _around(clip, degrees_per_s * np.arange(len(clip.case.truth)) / MODEL_FPS)


def _around(clip: Filmed, degrees: np.ndarray) -> Case:
    """The camera moved around the middle of the clip by an angle for each frame."""
    if not degrees.any():
        return clip.case
    turn = rotation_about("y", torch.from_numpy(-np.radians(degrees)))
    middle = clip.points_world.mean((0, 1))
    seen = (clip.points_world - middle) @ turn.transpose(-1, -2) + middle
    return dataclasses.replace(clip.case, points_px=_image(clip.camera, seen), static_camera=False)


def _truncation(clip: Filmed, percent: float, rng: np.random.Generator) -> Case:
    """The image's lower edge cuts the person: points below it are missing."""
    y = clip.case.points_px[..., 1]
    low, high = np.median(y.min(axis=1)), np.median(y.max(axis=1))
    return _keeping(clip, y <= high - percent / 100 * (high - low) + (1e-3 if percent else np.inf))


def _frame_rate(clip: Filmed, every: float, rng: np.random.Generator) -> Case:
    """A video of fewer frames a second, brought back to 30 as ``generate`` does it."""
    step = round(every)
    if step == 1:
        return clip.case
    times = np.arange(len(clip.case.truth)) / MODEL_FPS
    slow = Keypoints2D(clip.case.points_px[::step].astype(float), times[::step], (1, 1))
    return dataclasses.replace(clip.case, points_px=resample_keypoints(slow, times).numpy())


DAMAGES = (
    Damage("dropped frames", "% of frames", (0.0, 10.0, 25.0, 50.0, 75.0), _dropped_frames),
    Damage("dropped joints", "% of joints", (0.0, 12.0, 24.0, 47.0), _dropped_joints),
    Damage("noise", "mm", (0.0, 10.0, 20.0, 40.0, 80.0), _noise),
    Damage("cut", "degrees between the cameras", (0.0, 30.0, 90.0, 180.0), _cuts),
    Damage("camera motion", "degrees a second", (0.0, 10.0, 20.0, 40.0), _camera_motion),
    Damage("truncation", "% of the height", (0.0, 15.0, 30.0, 50.0), _truncation),
    Damage("frame rate", "every n-th frame is kept", (1.0, 2.0, 3.0, 4.0), _frame_rate),
)
