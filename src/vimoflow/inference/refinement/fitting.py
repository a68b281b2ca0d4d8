"""A motion fitted to the evidence, the sample being the prior.

Small rotations of the joints, smooth in time, and shifts of the root bring the projected COCO
points onto the keypoints; what no camera saw stays as sampled. Feet in contact stay where they
are. The person's proportions are fitted along the way, so that a short forearm is not taken for one
that is turned towards the camera; the motion itself stays on the skeleton.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.ndimage import minimum_filter1d
from torch import Tensor

from vimoflow.diffusion.windows import WindowPlan
from vimoflow.inference.refinement.evidence import Evidence
from vimoflow.inference.refinement.least_squares import Minimum, Prior, Unknowns, minimise
from vimoflow.inference.refinement.pace import pace
from vimoflow.inference.refinement.posed_points import (
    COCO,
    SHIFT,
    TURNING,
    UNKNOWNS,
    Body,
    rotations,
)
from vimoflow.inference.refinement.reprojection_derivatives import SUMMARIES
from vimoflow.inference.refinement.reprojection_error import UsualCamera, View, level_camera
from vimoflow.inference.refinement.terms import (
    LENGTHS,
    FeetLevel,
    FeetRest,
    MotionProblem,
    SeenByCamera,
    Term,
    camera_of,
)
from vimoflow.motion.features import decode_features, encode_features
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.proportions import PARTS

_FIRST_YAW_SPREAD = 0.001  # the first view's heading is the world's
_STRIDE, _COARSE_STEPS = 4, 3  # where a fit starts: that of every fourth frame costs a quarter


@dataclass(frozen=True)
class RefinementSettings:
    """Weights of the fit.

    Attributes:
        steps: how often the normal equations are solved at most.
        tolerance: share of the energy by which it may still be above its minimum, about.
        noise_m: typical error of a keypoint, in metres at the person's distance.
        outlier_m: beyond this an error pulls less and less (Geman-McClure).
        place_m: typical error of the figure's place in the image.
        turn_rad: how far a joint may typically be turned.
        turn_rate_rad: how much that turn may typically change from one frame to the next, while
            the limbs move at ``usual_mps``; in proportion to their speed, from the first to the
            second of ``quickness``.
        shift_m, shift_rate_m: the same for the root's position.
        proportion_spread: how much the logarithms of the person's proportions may typically differ
            from the skeleton's, see ``motion.proportions``.
        slide_m: how far a foot in contact may typically move from one frame to the next.
        level_m: by how much the heights of two standing feet may typically differ.
        rest_frames: for so long both must stand, which they do not in a step of a walk.
        step_m: feet that differ by more stand on two steps.
        chunk: frames fitted together; longer clips are cut into overlapping chunks.
    """

    steps: int = 20
    tolerance: float = 8e-4
    usual_mps: float = 0.35
    quickness: tuple[float, float] = (0.4, 4.0)
    noise_m: float = 0.05
    outlier_m: float = 0.15
    place_m: float = 0.02
    turn_rad: float = 0.3
    turn_rate_rad: float = 0.02
    shift_m: float = 2.0
    shift_rate_m: float = 0.02
    proportion_spread: float = 0.04
    slide_m: float = 0.02
    level_m: float = 0.03
    rest_frames: int = 15
    step_m: float = 0.05
    chunk: int = 600

    def plan(self, frames: int) -> WindowPlan:
        """The chunks of a clip."""
        return WindowPlan.cover(frames, self.chunk, self.chunk // 10)


@dataclass(frozen=True)
class Refined:
    """What :func:`refine` returns.

    Attributes:
        features: the fitted motions.
        cameras: of every chunk of frames, see ``reprojection.CAMERA_PARAMETERS``.
        energy: where the fit of every chunk ended, see ``terms``.
    """

    features: Float[Tensor, "batch frames 151"]
    cameras: Float[Tensor, "batch chunks views 5"]
    energy: Float[Tensor, "batch chunks"]


def refine(
    features: Float[Tensor, "batch frames 151"],
    evidence: Evidence,
    settings: RefinementSettings | None = None,
    valid: Bool[Tensor, "batch frames"] | None = None,
    cameras: Float[Tensor, "batch chunks views 5"] | None = None,
) -> Refined:
    """Motions whose projections follow the evidence more closely.

    Contacts are left alone, and the first root stays over the origin. Frames that are not valid
    (padding) influence nothing.

    Args:
        features: sampled motions in the frame of the first view.
        evidence: what one or several views saw of them.
        settings: weights of the fit.
        valid: frames that exist.
        cameras: where to start; level ones in front of the figure by default.
    """
    settings = settings or RefinementSettings()
    if valid is None:
        valid = torch.ones(features.shape[:2], dtype=torch.bool)
    plan = settings.plan(features.shape[1])
    moves, cameras_found, energies = [], [], []
    for number, first in enumerate(plan.starts):
        span = slice(first, first + plan.length)
        start = None if cameras is None else cameras[:, number]
        fits = _fitted(features[:, span], evidence.part(span), settings, valid[:, span], start)
        moves.append(torch.from_numpy(np.stack([fit.unknowns.frames for fit in fits])))
        shared = torch.from_numpy(np.stack([fit.unknowns.shared for fit in fits])).to(features)
        cameras_found.append(shared[:, LENGTHS.stop :].unflatten(1, (evidence.views, -1)))
        energies.append(features.new_tensor([fit.energy for fit in fits]))
    moved = _moved(features, plan.merge(torch.stack(moves, dim=1)))
    return Refined(moved, torch.stack(cameras_found, dim=1), torch.stack(energies, dim=1))


def _fitted(
    features: Tensor,
    evidence: Evidence,
    settings: RefinementSettings,
    valid: Tensor,
    cameras: Tensor | None,
) -> list[Minimum]:
    """The fit of every clip."""
    if cameras is None:
        R, _, root = decode_features(features.double())
        cameras = evidence.cameras(coco_points(*forward_kinematics(R, root)))
    found = []
    for clip, (motion, on) in enumerate(zip(features, valid, strict=True)):
        views, start = evidence.of_clip(clip), cameras[clip]
        speed = pace(views)
        problem, _ = motion_problem(motion, views, settings, on, start, speed)
        at = _found_coarsely(motion, views, settings, on, start, speed)
        found.append(minimise(problem, at, settings.steps, settings.tolerance))
    return found


def _found_coarsely(
    features: Tensor, views: Sequence[View], settings: RefinementSettings, valid: Tensor,
    cameras: Tensor | None, speed: np.ndarray,
) -> Unknowns:  # fmt: skip
    """Where a fit to every fourth frame gets, between those along straight lines."""
    step = slice(None, None, _STRIDE)
    rough = dataclasses.replace(
        settings,  # relative to what frames say, so many steps in one are freer by as much
        turn_rate_rad=settings.turn_rate_rad * _STRIDE,
        shift_rate_m=settings.shift_rate_m * _STRIDE,
        slide_m=settings.slide_m * _STRIDE,
        rest_frames=max(1, settings.rest_frames // _STRIDE),
    )
    thinned = [view.part(step) for view in views]
    slower = speed[_STRIDE // 2 :: _STRIDE][: len(thinned[0].weight) - 1]
    found = minimise(
        *motion_problem(features[step], thinned, rough, valid[step], cameras, slower),
        _COARSE_STEPS, settings.tolerance,
    ).unknowns  # fmt: skip
    before, share = np.divmod(np.arange(len(features)), _STRIDE)
    after = np.minimum(before + 1, len(found.frames) - 1)
    after = np.where(valid[step].numpy()[after], after, before)
    weight = (share / _STRIDE)[:, None]
    frames = (1 - weight) * found.frames[before] + weight * found.frames[after]
    return Unknowns(frames, found.shared)


def motion_problem(
    features: Float[Tensor, "frames 151"],
    views: Sequence[View],
    settings: RefinementSettings,
    valid: Bool[Tensor, " frames"],
    cameras: Float[Tensor, "views 5"] | None = None,
    speed: Float[np.ndarray, " steps"] | None = None,
) -> tuple[MotionProblem, Unknowns]:
    """The fit of one clip as a least-squares problem, and where the search starts.

    Args:
        features: the sampled motion.
        views: what each camera saw.
        settings: weights.
        valid: frames that exist.
        cameras: where to start; level ones in front of the figure by default.
        speed: how fast the person moves, m/s, see ``pace``; usual by default.
    """
    R, contacts, root = decode_features(features.double())
    body = Body(R.numpy(), root.numpy())
    frames, lengths = np.zeros((len(R), UNKNOWNS)), np.zeros(len(PARTS))
    if cameras is None:
        points = body.posed(frames, lengths).points[:, COCO]
        begin = np.stack([level_camera(points, view, 0.0) for view in views])
    else:
        begin = cameras.double().numpy()
    touch = np.clip(contacts.numpy(), 0, 1)
    linked = (valid[1:] & valid[:-1]).numpy().astype(np.float64)
    planted = touch[1:] * touch[:-1] * linked[:, None]
    standing = minimum_filter1d(touch[:, :2] * touch[:, 2:], settings.rest_frames, axis=0)
    standing = np.square(standing) * valid.numpy()[:, None]
    quick = np.ones(len(linked)) if speed is None else _quickness(speed, settings)
    terms: list[Term] = [
        SeenByCamera(view, number, settings.noise_m, settings.outlier_m, settings.place_m)
        for number, view in enumerate(views)
    ]
    start = np.concatenate((lengths, begin.ravel()))
    problem = MotionProblem(
        body,
        [
            *terms,
            FeetRest(planted, settings.slide_m),
            FeetLevel(standing, settings.level_m, settings.step_m),
        ],
        _prior(settings, start, linked, quick, [view.camera for view in views]),
        SUMMARIES * len(views),
    )
    return problem, Unknowns(frames, start)


def _quickness(
    speed: Float[np.ndarray, " steps"], settings: RefinementSettings
) -> Float[np.ndarray, " steps"]:
    """How many times as fast as usual joints turn."""
    return np.clip(speed / settings.usual_mps, *settings.quickness)


def _prior(
    settings: RefinementSettings,
    start: np.ndarray,
    linked: np.ndarray,
    quick: np.ndarray,
    cameras: Sequence[UsualCamera],
) -> Prior:
    """Usual turns, shifts, bodies and cameras; cameras' headings are near where they start."""
    turn, turn_rate, shift, shift_rate = (
        x**-2
        for x in (settings.turn_rad, settings.turn_rate_rad, settings.shift_m,
                  settings.shift_rate_m)
    )  # fmt: skip
    own, step = np.full(UNKNOWNS, turn), np.full((len(linked), UNKNOWNS), turn_rate)
    step /= np.square(quick)[:, None]
    own[SHIFT], step[:, SHIFT] = shift, shift_rate
    step *= linked[:, None]
    shared = np.full(len(start), settings.proportion_spread**-2)
    center = np.zeros(len(start))
    for number, camera in enumerate(cameras):
        here = camera_of(number)
        shared[here], center[here] = camera.spread**-2, camera.mean
        center[here.start] = start[here.start]
    shared[camera_of(0).start] += _FIRST_YAW_SPREAD**-2
    return Prior(own, step, shared, center)


def _moved(
    features: Float[Tensor, "batch frames 151"], unknowns: Float[Tensor, "batch frames n"]
) -> Float[Tensor, "batch frames 151"]:
    """The motions with their joints turned and their roots moved, the first over the origin."""
    R, contacts, root = decode_features(features)
    turns = unknowns[..., : SHIFT.start].unflatten(-1, (-1, 3)).numpy()
    # In numpy: torch would share these small products out among threads.
    local = R.numpy().copy()
    local[..., TURNING, :, :] = local[..., TURNING, :, :] @ rotations(turns)
    root = root + unknowns[..., SHIFT].to(root)
    root = root - root[:, :1] * torch.tensor([1.0, 0.0, 1.0])
    return encode_features(torch.from_numpy(local), contacts, root)
