"""``python -m lab triangulate``: keypoints of several calibrated cameras to reference 3D."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import click

from vimoflow.cli.paths import OutputFile, require_input, require_output_file
from vimoflow.options import Option


def triangulate(
    view: tuple[Path, ...],
    *,
    calibration: Annotated[Path, Option(metavar="FILE")],
    output: OutputFile,
    metres_per_unit: Annotated[float, Option(metavar="X")] = 1.0,
    up: Literal["y", "-y", "z"] = "y",
    fps: Annotated[float | None, Option(metavar="F")] = None,
    outlier_px: Annotated[float, Option(metavar="PX", low=1)] = 40.0,
) -> None:
    """Triangulate one performance seen by calibrated cameras into 3D to measure against.

    Args:
        view: keypoint files, synchronised, one a camera.
        calibration: cameras: Pose2Sim or anipose TOML, OpenCV YAML, AIST++ JSON.
        output: the file to write, .npz.
        metres_per_unit: the calibration's unit of length, in metres.
        up: the axis that points up in the calibration's world.
        fps: frame rate in Hz, replaces the files' own.
        outlier_px: observations that are farther off, in pixels, are left out.
    """
    for path in (*view, calibration):
        require_input(path)
    require_output_file(output)
    from lab.calibrated.calibrations import read_calibration
    from lab.calibrated.reference import reference_from_views, save_reference
    from vimoflow.keypoints.formats import read_keypoints

    cameras = read_calibration(calibration).in_metres(metres_per_unit, up)
    keypoints = [read_keypoints(path, fps) for path in view]
    reference = reference_from_views(keypoints, cameras, outlier_px)
    output.parent.mkdir(parents=True, exist_ok=True)
    save_reference(reference, output)
    import numpy as np

    click.echo(
        f"{output}: {len(reference.points_world)} frames from {len(view)} views, "
        f"{100 * reference.found:.1f} % of the points, median reprojection error "
        f"{np.nanmedian(reference.reprojection_px):.1f} px"
    )
