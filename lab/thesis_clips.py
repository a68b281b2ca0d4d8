"""Clips in the shapes of the thesis (3.2 iv): ``cond_2d`` (V, 150, 17, 3), ``m3d`` (150, 151).

For work with the thesis' own scripts; the project itself trains from ``data/shards.py``, which
keep whole recordings.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors.numpy import save

from lab.corpora.aist_names import parse_aist_name, thesis_genre_split
from vimoflow.data.recording import Recording
from vimoflow.errors import InputError, OutputError
from vimoflow.files import write_bytes
from vimoflow.inference.conditioning.encoding import encode_condition, person_size_px
from vimoflow.motion.features import encode_features

CLIP_FRAMES = 150  # five seconds at 30 fps


@dataclass(frozen=True)
class ThesisClip:
    """Five seconds of one recording.

    Attributes:
        name: the recording's and the clip's number, such as ``gBR_..._ch01_000``.
        cond_2d: per view COCO points relative to the mid-hip (x right, y down) in the person's
            metres, and confidence; zeros where missing (``conditioning.encoding``).
        m3d: features in the order of ``motion.features.LAYOUT``: 24 x 6D, 4 contacts, root in
            metres, its ground position relative to the clip's first frame.
    """

    name: str
    cond_2d: Float[np.ndarray, "views 150 17 3"]
    m3d: Float[np.ndarray, "150 151"]


def cut_thesis_clips(recording: Recording) -> list[ThesisClip]:
    """All non-overlapping clips of 150 frames from the first frame on; the rest is left over.

    Without real detections a recording gives clips of no views. Contacts are the recording's
    (ankle and toe speed and height, see ``motion.contacts``); the heading stays the world's,
    because the views do not share one.
    """
    motion = recording.motion
    points = recording.keypoints_px
    if points is None:
        points = np.zeros((0, len(motion), 17, 3), dtype=np.float32)
    pixels = torch.from_numpy(points)
    # One size for the whole shot, so that it does not change from clip to clip.
    size_px = person_size_px(pixels) if len(pixels) else torch.zeros(0)
    cond = encode_condition(pixels, size_px).pose.numpy() if len(pixels) else points
    clips = []
    for number in range(len(motion) // CLIP_FRAMES):
        part = slice(number * CLIP_FRAMES, (number + 1) * CLIP_FRAMES)
        root = motion.trans[part].astype(np.float32)
        features = encode_features(
            torch.from_numpy(motion.local_rotations[part]).float(),
            torch.from_numpy(motion.contacts[part]).float(),
            torch.from_numpy(root - root[0] * (1.0, 0.0, 1.0)).float(),
        )
        clips.append(ThesisClip(f"{recording.name}_{number:03d}", cond[:, part], features.numpy()))
    return clips


def write_thesis_clips(recordings: Sequence[Recording], output: Path) -> int:
    """Write ``OUTPUT/{train,test}/CLIP.safetensors`` and ``OUTPUT/clips.json``; count the clips.

    Each file holds ``cond_2d`` and ``m3d`` in float32. The parts are the thesis' genre split
    (``splits.thesis_genre_split``). ``clips.json`` lists every recording with its part, clips and
    frames left over at the end, so that what is missing is on record. Same input, same bytes.

    Raises:
        InputError: a recording that is no AIST++ sequence.
        OutputError: a file cannot be written.
    """
    names = [recording.name for recording in recordings]
    if len(set(names)) < len(names):
        raise InputError(f"'{max(names, key=names.count)}' is there twice; give each corpus once")
    for name in names:
        parse_aist_name(name)
    rows, total = [], 0
    try:
        for recording in recordings:
            part = thesis_genre_split(recording.name)
            clips = cut_thesis_clips(recording)
            (output / part).mkdir(parents=True, exist_ok=True)
            for clip in clips:
                arrays = {"cond_2d": clip.cond_2d, "m3d": clip.m3d}
                content = save({k: np.ascontiguousarray(a) for k, a in arrays.items()})
                write_bytes(output / part / f"{clip.name}.safetensors", content)
            left = len(recording.motion) - CLIP_FRAMES * len(clips)
            row = {"name": recording.name, "split": part, "clips": len(clips), "frames_left": left}
            rows.append(json.dumps(row))
            total += len(clips)
        write_bytes(output / "clips.json", ("[\n" + ",\n".join(rows) + "\n]\n").encode())
    except OSError as error:
        raise OutputError(f"{output}: cannot write the clips ({error.strerror})") from error
    return total
