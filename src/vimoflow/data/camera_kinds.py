"""Virtual cameras of one kind each, to measure what it costs that a camera moves."""

from __future__ import annotations

import dataclasses

from vimoflow.data.virtual_cameras import LEVEL_CAMERAS, TILTED_CAMERAS, CameraSettings

_STILL = dataclasses.replace(
    LEVEL_CAMERAS, vertical_fov_deg=(30.0, 65.0), wide_pitch_share=0.0, pan_share=0.0,
    travel_share=0.0, orbit_share=0.0, zoom_share=0.0, handheld_share=0.0, roam_followed=0.0,
)  # fmt: skip
CAMERA_KINDS: dict[str, CameraSettings] = {
    "level": LEVEL_CAMERAS,
    "tilted": TILTED_CAMERAS,
    "still": _STILL,
    "panning": dataclasses.replace(_STILL, pan_share=1.0),
    "hand-held": dataclasses.replace(_STILL, pan_share=1.0, handheld_share=1.0, shake_deg=0.8),
    "zooming": dataclasses.replace(_STILL, zoom_share=1.0),
    "following": dataclasses.replace(_STILL, travel_share=1.0, handheld_share=0.5),
    "orbiting": dataclasses.replace(_STILL, orbit_share=1.0, orbit_deg_per_s=25.0),
}
