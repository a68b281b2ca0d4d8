"""``preview.html``: the motion in one file that plays anywhere, with no network.

The page carries its own code (WebGL 2, no library), the mannequin and the motion; its content
security policy forbids it to load anything else.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from vimoflow.files import output_errors, write_text
from vimoflow.formats.body import COLORS_SRGB, BodyMesh, load_body
from vimoflow.motion.clip import Motion
from vimoflow.motion.skeleton import CONTACT_JOINTS, PARENTS, joint
from vimoflow.motion.uncertainty import JointUncertainty

_SCRIPTS = ("clip.js", "scene.js", "page.js")


@dataclass(frozen=True)
class Detail:
    """One line of the page's panel, such as ``Detail("Frame rate", "30 fps")``."""

    label: str
    value: str


@dataclass(frozen=True)
class Mark:
    """A stretch of the time line to look at, seconds of the motion's own clock, and why."""

    start_s: float
    end_s: float
    why: str


@dataclass(frozen=True)
class Sound:
    """A compressed audio file that browsers play.

    Attributes:
        content: the file's bytes.
        kind: its media type.
    """

    content: bytes
    kind: str = "audio/mpeg"


def write_preview_page(
    motion: Motion,
    path: str | Path,
    title: str = "",
    details: Sequence[Detail] = (),
    uncertainty: JointUncertainty | None = None,
    sound: Sound | None = None,
    marks: Sequence[Mark] = (),
    others: Sequence[Motion] = (),
) -> None:
    """Write a page that plays the motion: orbit, zoom, pan, play, scrub, contacts, what was seen.

    Args:
        motion: what to play.
        path: the HTML file; an existing one is replaced.
        title: shown at the top, any text; else the file's name.
        details: lines of the panel, any text.
        uncertainty: of the joints on the motion's frames, shown as spheres that hold the truth in
            half of all cases.
        sound: begins with the motion and plays in step with it.
        marks: shown in red on the time line, and in words while they are played.
        others: further samples on the same frames, to switch to.

    Raises:
        OutputError: the file cannot be written.
    """
    payload = _payload(motion, uncertainty) | {"samples": [*map(_moving, (motion, *others))]}
    payload["marks"] = [[one.start_s, one.end_s, one.why] for one in marks]
    data = json.dumps(payload, separators=(",", ":"))
    parts = {
        "title": html.escape(title or Path(path).stem),
        "details": "\n".join(
            f"<dt>{html.escape(line.label)}</dt><dd>{html.escape(line.value)}</dd>"
            for line in details
        ),
        "style": _asset("page.css"),
        "sound": "" if sound is None else _audio(sound),
        # A "<" inside the data could end its script element.
        "data": data.replace("<", "\\u003c"),
        "script": "\n".join(_asset(name) for name in _SCRIPTS),
    }
    # One pass, so that inserted text is never searched for markers.
    page = re.sub(r"\{\{(\w+)\}\}", lambda marker: parts[marker[1]], _asset("page.html"))
    with output_errors(Path(path)):
        write_text(Path(path), page)


def _audio(sound: Sound) -> str:
    data = base64.b64encode(sound.content).decode("ascii")
    kind = html.escape(sound.kind)
    return f'<audio id="sound" preload="auto" src="data:{kind};base64,{data}"></audio>'


def _payload(motion: Motion, uncertainty: JointUncertainty | None) -> dict[str, object]:
    """What clip.js decodes; arrays are little-endian and in base64."""
    seen = None if motion.observed is None else motion.observed.mean(axis=1)
    radii = None if uncertainty is None else uncertainty.radius_50_m
    return {
        "frames": len(motion),
        "fps": motion.fps,
        "parents": PARENTS,
        "offsets": motion.skeleton.offsets.round(5).tolist(),
        "colors": COLORS_SRGB,
        "contact_joints": [joint(name) for name in CONTACT_JOINTS],
        "times": _base64((motion.timestamps - motion.timestamps[0]).astype("<f4")),
        "seen": None if seen is None else _base64(_byte(seen)),
        "radii": None if radii is None else _base64(_millimetres(radii)),
        "mesh": _mesh(load_body().scaled(motion.skeleton.scale)),
    }


def _moving(motion: Motion) -> dict[str, str]:
    """What samples differ in."""
    turns = motion.local_quaternions()
    return {
        "root": _base64(motion.trans.astype("<f4")),
        "turns": _base64(np.round(turns * 32767).astype("<i2")),
        "contacts": _base64(_byte(motion.contacts)),
    }


def _mesh(body: BodyMesh) -> dict[str, object]:
    scale = float(np.abs(body.vertices).max())
    pad = np.zeros((len(body.vertices), 1))  # attributes of four keep the GPU's alignment
    positions = np.hstack((body.vertices / scale, pad))
    return {
        "scale": scale,
        "positions": _base64(np.round(positions * 32767).astype("<i2")),
        "normals": _base64(np.round(np.hstack((body.normals, pad)) * 127).astype("i1")),
        "joints": _base64(body.joints.astype("u1")),
        "weights": _base64(_byte(body.weights)),
        "materials": _base64(body.material.astype("u1")),
        "indices": _base64(body.triangles.astype("<u2")),
    }


def _byte(share: Shaped[np.ndarray, "..."]) -> np.ndarray:
    return np.round(np.clip(share, 0, 1) * 255).astype("u1")


def _millimetres(metres: Shaped[np.ndarray, "..."]) -> np.ndarray:
    return np.round(np.clip(1000 * metres, 0, 65535)).astype("<u2")


def _base64(array: Shaped[np.ndarray, "..."]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def _asset(name: str) -> str:
    return resources.files("vimoflow.viewer").joinpath(name).read_text("utf-8")
