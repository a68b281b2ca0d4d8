"""Reference motion in 3D from a user's own calibrated, synchronised cameras."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int

from lab.calibrated.calibrations import Calibration
from lab.calibrated.triangulation import triangulate
from vimoflow.conventions import COCO_NAMES
from vimoflow.errors import InputError
from vimoflow.files import output_errors, replacing
from vimoflow.keypoints.sequence import Keypoints2D

MIN_CONFIDENCE = 0.05
_SAME_RATE = 0.01  # relative difference of frame rates that is still one clock


@dataclass(frozen=True)
class Reference3D:
    """COCO points in space, frame by frame.

    Attributes:
        points_world: metres, +Y up; NaN where fewer than two views agree.
        reprojection_px: mean distance of a point to its observations, pixels; NaN without a point.
        views_used: how many views each point comes from.
        fps: of the views.
        cameras: names of the cameras, in the order of the views.
    """

    points_world: Float[np.ndarray, "frames 17 3"]
    reprojection_px: Float[np.ndarray, "frames 17"]
    views_used: Int[np.ndarray, "frames 17"]
    fps: float
    cameras: tuple[str, ...]

    @property
    def found(self) -> float:
        """Share of the points that could be triangulated."""
        return float(np.isfinite(self.points_world[..., 0]).mean())


def reference_from_views(
    views: Sequence[Keypoints2D],
    calibration: Calibration,
    outlier_px: float = 40.0,
    min_confidence: float = MIN_CONFIDENCE,
) -> Reference3D:
    """Triangulate synchronised views, the first frame of each at the same moment.

    Views of unequal length are cut to the shortest. A view belongs to the camera whose name its
    source carries; where names do not say, views come in the order of the cameras.

    Args:
        views: keypoints in pixels of the calibrated images.
        calibration: in metres, +Y up (see :meth:`Calibration.in_metres`).
        outlier_px: observations farther than this from the common point are left out.
        min_confidence: observations at or below it are not used.

    Raises:
        InputError: fewer than two views, no camera for a view, other frame rates or image sizes,
            or no point that two views agree on.
    """
    if len(views) < 2:
        raise InputError(f"{len(views)} view cannot be triangulated; give at least 2")
    chosen = calibration.select(_cameras_of(views, calibration))
    _check_views(views, chosen)
    frames = min(len(view) for view in views)
    points = torch.from_numpy(np.stack([view.points[:frames] for view in views], axis=1))
    result = triangulate(points, chosen.cameras, outlier_px, min_confidence)
    if not bool(torch.isfinite(result.points_world).any()):
        raise InputError(
            "no point is seen by two views that agree; check that views and cameras match, that "
            "the views are synchronised and that the calibration is in pixels of these images"
        )
    return Reference3D(
        result.points_world.numpy(),
        result.reprojection_px.numpy(),
        result.used.sum(-2).numpy(),
        views[0].fps,
        chosen.names,
    )


def save_reference(reference: Reference3D, path: str | Path) -> None:
    """Write ``points`` (frames, 17, 3) m, ``reprojection_px``, ``views_used``, ``fps``,
    ``joint_names``, ``cameras`` and ``up_axis`` as npz; complete or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    path = Path(path)
    with output_errors(path), replacing(path) as partial, partial.open("wb") as file:
        np.savez_compressed(
            file,
            points=reference.points_world,
            reprojection_px=reference.reprojection_px,
            views_used=reference.views_used,
            fps=reference.fps,
            joint_names=np.array(COCO_NAMES),
            cameras=np.array(reference.cameras),
            up_axis="y",
        )


def _cameras_of(views: Sequence[Keypoints2D], calibration: Calibration) -> tuple[str, ...]:
    """The camera of each view: by its name in the source, else by order."""
    by_name = [[name for name in calibration.names if name in view.source] for view in views]
    named = [names[0] for names in by_name if len(names) == 1]
    if len(named) == len(views) == len(set(named)):
        return tuple(named)
    if len(views) == len(calibration.names):
        return calibration.names
    raise InputError(
        f"{len(views)} views and {len(calibration.names)} cameras: give one view for each, or name "
        f"the files after their cameras ({', '.join(calibration.names)})"
    )


def _check_views(views: Sequence[Keypoints2D], chosen: Calibration) -> None:
    for view, name, size in zip(views, chosen.names, chosen.sizes, strict=True):
        if abs(view.fps / views[0].fps - 1) > _SAME_RATE:
            raise InputError(
                f"{view.source}: {view.fps:g} Hz, the first view has {views[0].fps:g} Hz; "
                "the views must share one clock"
            )
        if size is None or view.image_size == size:
            continue
        across, down = view.image_size[0] / size[0], view.image_size[1] / size[1]
        # Keypoint files without a size give the points' extent, which is never a whole scale.
        if abs(across - down) < 1e-3 or max(across, down) > 1.5:
            raise InputError(
                f"{view.source}: images of {view.image_size[0]}x{view.image_size[1]}, camera "
                f"'{name}' was calibrated at {size[0]}x{size[1]}; use videos of that size"
            )
