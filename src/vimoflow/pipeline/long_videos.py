"""Long videos are said to be long before the user has waited for them."""

from __future__ import annotations

from vimoflow.pipeline.generate_options import GenerateOptions
from vimoflow.video import Footage, open_video

_LONG_S = 600.0


def announced(what: str, video: Footage, options: GenerateOptions) -> str:
    """What is about to be done; where that is long, also with how much video.

    Raises:
        InputError: the file is no readable video.
    """
    whole_s = open_video(video).duration or 0.0
    part_s = min(whole_s, options.end_s or whole_s) - options.start_s
    if part_s < _LONG_S:
        return what
    return f"{what} in {part_s / 60:.0f} min of video (--start and --end take a part)"
