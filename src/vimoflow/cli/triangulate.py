"""``vimoflow triangulate``: keypoints of several calibrated cameras to reference 3D."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vimoflow.cli.paths import require_input, require_output_file


def triangulate(
    views: Annotated[
        list[Path],
        typer.Argument(metavar="VIEW...", help="Keypoint files, synchronised, one a camera."),
    ],
    calibration: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="Cameras: Pose2Sim or anipose TOML, OpenCV YAML, AIST++ JSON."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE.npz", help="The file to write.")
    ],
    metres_per_unit: Annotated[
        float, typer.Option(metavar="X", help="The calibration's unit of length, in metres.")
    ] = 1.0,
    up: Annotated[
        str, typer.Option(metavar="AXIS", help="Up in the calibration's world: y, -y or z.")
    ] = "y",
    fps: Annotated[
        float | None, typer.Option(metavar="F", help="Frame rate, replaces the files' own.")
    ] = None,
    outlier_px: Annotated[
        float, typer.Option(metavar="PX", min=1.0, help="Farther observations are left out.")
    ] = 40.0,
) -> None:
    """Triangulate the same performance seen by calibrated cameras into 3D to measure against."""
    for path in (*views, calibration):
        require_input(path)
    require_output_file(output)
    from vimoflow.evaluation.studies.triangulated import reference_from_views, save_reference
    from vimoflow.formats.calibrations import read_calibration
    from vimoflow.keypoints.formats import read_keypoints

    cameras = read_calibration(calibration).in_metres(metres_per_unit, up)
    keypoints = [read_keypoints(path, fps) for path in views]
    reference = reference_from_views(keypoints, cameras, outlier_px)
    output.parent.mkdir(parents=True, exist_ok=True)
    save_reference(reference, output)
    import numpy as np

    typer.echo(
        f"{output}: {len(reference.points_world)} frames from {len(views)} views, "
        f"{100 * reference.found:.1f} % of the points, median reprojection error "
        f"{np.nanmedian(reference.reprojection_px):.1f} px"
    )
