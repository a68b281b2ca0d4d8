"""``vimoflow music generate``: a song in, a dance with its files out."""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from vimoflow import __version__
from vimoflow.errors import ConfigError
from vimoflow.evaluation.benchmark.music_beats import read_audio
from vimoflow.evaluation.metrics.paired import foot_slide
from vimoflow.evaluation.metrics.rhythm import beat_alignment, motion_beats
from vimoflow.files import write_text
from vimoflow.motion.clip import Motion
from vimoflow.motion.skeleton import CONTACT_JOINTS, joint
from vimoflow.music.adapters import Adapter, load_adapter, style_path
from vimoflow.music.audio_features import FPS, LONGEST_S, beats_s, music_features
from vimoflow.music.dance_options import SongOptions
from vimoflow.music.music_model import MusicModel, load_music_model
from vimoflow.music.sampling import dance_features, finished_dance
from vimoflow.music.sections import StyleUse, parse_style, voices
from vimoflow.pipeline.folders import all_or_nothing
from vimoflow.viewer.page import Detail, Sound, write_preview_page

_SOUND_HZ = 32000  # of the sound in the page: mono, 96 kbit/s, 0.7 MB a minute
_SOUND_BITS = 96_000


@dataclass(frozen=True)
class DanceResult:
    """Where the files are, and figures that need no truth.

    Attributes:
        files: all that were written.
        seconds: length of the dance.
        took_s: time that it took.
        beat_alignment: 0 to 1, see ``evaluation.rhythm``; NaN where the music has no beat.
        terms: of the weights, styles included.
    """

    files: tuple[Path, ...]
    seconds: float
    took_s: float
    beat_alignment: float
    terms: str


def generate_dance(
    song: Path, options: SongOptions, progress: Callable[[int, int], None] | None = None
) -> DanceResult:
    """A dance to a song: ``motion.bvh``, ``.glb``, ``.npz``, ``preview.html`` with its sound.

    Raises:
        InputError: the song cannot be read, is silent, too short or too long.
        CheckpointError: the model or a style cannot be used.
        OutputError: the folder cannot be written to.
    """
    started = time.perf_counter()
    model, styles, terms = styled_model(options.checkpoint, options.styles)
    music = music_features(song, options.start_s, options.seconds)
    drawn = dance_features(
        model, torch.from_numpy(music), options.sampling, progress=progress,
        voices=voices(model, styles, len(music), options.start_s),
    )  # fmt: skip
    heard = beats_s(music)
    sampling = options.sampling
    motion = finished_dance(drawn[0], heard if sampling.on_beat else None, sampling.by_feet)
    alignment = alignment_of(motion, heard)
    with all_or_nothing(options.output) as folder:
        for ending in ("npz", "bvh", "glb"):
            motion.save(folder / f"motion.{ending}")
        details = [
            Detail("Length", f"{len(motion) / FPS:.1f} s at {FPS:g} fps"),
            Detail("Beat alignment", f"{alignment:.2f}" if len(heard) else "no beat found"),
            Detail("Styles", ", ".join(options.styles) or "none"),
            Detail("Seed", str(options.sampling.seed)),
            Detail("Terms of the weights", terms),
        ]
        sound = Sound(compressed(song, options.start_s, len(music) / FPS))
        write_preview_page(motion, folder / "preview.html", song.name, details, sound=sound)
        took = time.perf_counter() - started
        record = {
            "song": song.name, "start_s": options.start_s, "frames": len(motion), "fps": FPS,
            "checkpoint": options.checkpoint, "styles": options.styles,
            "sampling": dataclasses.asdict(options.sampling), "took_s": round(took, 2),
            "beat_alignment": round(alignment, 4) if len(heard) else None,
            "foot_slide_mm": slide_of(motion), "terms": terms, "vimoflow": __version__,
        }  # fmt: skip
        write_text(folder / "run.json", json.dumps(record, indent=1) + "\n")
        files = tuple(sorted(options.output / p.name for p in folder.iterdir()))
    return DanceResult(files, len(motion) / FPS, took, alignment, terms)


def styled_model(
    checkpoint: str, styles: Sequence[str] = ()
) -> tuple[MusicModel, list[tuple[StyleUse, Adapter]], str]:
    """A dance model, its styles (``NAME=0.8@30-60``), and the terms of all of it.

    Raises:
        ConfigError: a style is not written so, or named twice at once.
        CheckpointError: one of them cannot be read or does not fit the other.
    """
    uses = [parse_style(text) for text in styles]
    if any(
        a.name == b.name and a.start_s < b.end_s and b.start_s < a.end_s
        for a, b in itertools.combinations(uses, 2)
    ):
        raise ConfigError("--style: a style is named twice for the same time; give each once")
    model = load_music_model(checkpoint)
    found = [(use, load_adapter(style_path(use.name), model)) for use in uses]
    terms = " ".join(dict.fromkeys((model.checkpoint.terms, *(a.terms for _, a in found))))
    return model, found, terms


def alignment_of(motion: Motion, heard_s: np.ndarray) -> float:
    """Beat alignment of a motion; NaN where the music has no beat or the motion under 3 frames."""
    if not len(heard_s) or len(motion) < 3:
        return float("nan")
    return beat_alignment(heard_s, motion_beats(motion.joint_positions, motion.fps))


def slide_of(motion: Motion) -> float | None:
    """Foot slide in mm a frame by the motion's own contacts; None where no foot ever rests."""
    if len(motion) < 2:
        return None
    feet = motion.joint_positions[:, [joint(name) for name in CONTACT_JOINTS]]
    value = float(foot_slide(torch.from_numpy(feet), torch.from_numpy(motion.contacts), motion.fps))
    return round(value, 3) if np.isfinite(value) else None


def compressed(path: Path, start_s: float = 0.0, seconds: float | None = None) -> bytes:
    """A part of a file's sound as mono mp3, as every browser plays it."""
    import av

    samples = read_audio(path, _SOUND_HZ, start_s, seconds, LONGEST_S + 1)
    content = io.BytesIO()
    with av.open(content, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=_SOUND_HZ, layout="mono")
        stream.bit_rate = _SOUND_BITS
        for first in range(0, len(samples), _SOUND_HZ):
            part = np.ascontiguousarray(samples[None, first : first + _SOUND_HZ])
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = _SOUND_HZ, first
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return content.getvalue()
