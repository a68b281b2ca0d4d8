"""From inputs to results: videos or 2D keypoints in, animation files out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vimoflow.pipeline.generate_options import PREVIEW_FORMATS, GenerateOptions

if TYPE_CHECKING:
    from vimoflow.pipeline.animation import Result
    from vimoflow.pipeline.inputs import Progress

__all__ = ["PREVIEW_FORMATS", "GenerateOptions", "generate"]


def generate(
    inputs: Sequence[Path], options: GenerateOptions, progress: Progress | None = None
) -> list[Result]:
    """Animate every input; see :func:`vimoflow.pipeline.generation.generate`.

    Imported on use, so that the command line answers before PyTorch is loaded.
    """
    from vimoflow.pipeline.generation import generate as run

    return run(inputs, options, progress)
