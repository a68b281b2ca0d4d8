"""The ``--region`` option: where in the picture to look for the person."""

from __future__ import annotations

from vimoflow.errors import ConfigError

HELP = "Look for the person only in this part of the picture, pixels. Default: everywhere."
METAVAR = "LEFT,TOP,RIGHT,BOTTOM"


def parse_region(text: str | None) -> tuple[int, int, int, int] | None:
    """Four whole numbers of pixels, or None where nothing was asked for.

    Raises:
        ConfigError: the text is something else.
    """
    if text is None:
        return None
    try:
        left, top, right, bottom = (int(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"--region: {text!r} is not {METAVAR} in pixels") from None
    return left, top, right, bottom
