"""Training windows of dances: padded, turned, mirrored, at other speeds, brought into step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vimoflow.data.augmentation import Clips, mirrored
from vimoflow.data.batches import Mix, corpus_shares, placed
from vimoflow.evaluation.metrics.rhythm import beat_alignment
from vimoflow.geometry.rotations import sixd_to_matrix
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.music.audio_features import FPS, IMPULSES, PHASE, LibrosaFeatures, beat_phase
from vimoflow.music.beat_warping import Halts, map_to_beats
from vimoflow.music.pairs import Dance


@dataclass(frozen=True)
class DanceBatch:
    """Windows of dances, each with its origin under its own first root.

    Attributes:
        features: clean motion, un-normalised.
        joints: joint positions of it, metres.
        music: its features; zeros in windows without music.
        heard: windows with music.
        valid: frames that exist.
    """

    features: Float[Tensor, "batch frames 151"]
    joints: Float[Tensor, "batch frames 24 3"]
    music: Float[Tensor, "batch frames c"]
    heard: Bool[Tensor, " batch"]
    valid: Bool[Tensor, "batch frames"]

    def told(self, keep: Bool[Tensor, " batch"]) -> Float[Tensor, "batch frames c"]:
        """The music; zeros in clips that do not keep it."""
        return self.music * (self.heard & keep)[:, None, None] * self.valid[..., None]


@dataclass(frozen=True)
class WindowSettings:
    """How windows are varied. Shares are probabilities per window.

    Attributes:
        mirror: left and right exchanged.
        turn: whether the heading is drawn at random: it means nothing without a camera.
        retime: motion and music together at another speed.
        retime_range: slowest and fastest.
        rematch: 0 keeps motion and music as recorded. Otherwise so many places in the window's own
            song, each with a speed of the motion, are tried, the one with the highest beat
            alignment is taken, and the motion's time is bent to what is left (``beat_warping``):
            for corpora whose motion and music are not in step (docs/music).
        beat_alone: windows that hear nothing but beats and onsets' peaks.
    """

    mirror: float = 0.5
    turn: bool = True
    retime: float = 0.5
    retime_range: tuple[float, float] = (0.85, 1.18)
    rematch: int = 0
    beat_alone: float = 0.2

    @classmethod
    def none(cls) -> WindowSettings:
        """Windows as they are."""
        return cls(mirror=0.0, turn=False, retime=0.0, beat_alone=0.0)


def draw_windows(
    dances: Sequence[Dance],
    count: int,
    frames: int,
    generator: torch.Generator,
    settings: WindowSettings | None = None,
    channels: int = LibrosaFeatures.channels,
    chances: Float[np.ndarray, " dances"] | None = None,
) -> DanceBatch:
    """Random windows, long dances more often; the same generator state gives the same ones.

    Args:
        dances: what to draw from; some may have no music.
        count, frames: windows, and their length.
        generator: of all that is random.
        settings: how windows are varied.
        channels: of the music features.
        chances: of each dance, see :func:`chances_of`; by length alone if None.
    """
    settings = settings or WindowSettings()
    rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
    if chances is None:
        lengths = np.array([len(dance) for dance in dances], dtype=float)
        chances = lengths / lengths.sum()
    rows = [
        _window(dances[i], frames, channels, rng, settings)
        for i in rng.choice(len(dances), size=count, p=chances)
    ]
    sixd, root, contacts, music, heard, valid = (torch.stack(x) for x in zip(*rows, strict=True))
    clips = Clips(sixd_to_matrix(sixd), root, contacts, valid)
    clips = mirrored(clips, torch.rand(count, generator=generator) < settings.mirror)
    yaw = 2 * math.pi * torch.rand(count, generator=generator) * settings.turn
    joints = forward_kinematics(clips.R_parent_joint, clips.root_world)[1]
    return DanceBatch(*placed(clips, joints, yaw), music, heard, clips.valid)


def chances_of(
    dances: Sequence[Dance], shares: Mapping[str, float] | None = None
) -> Float[np.ndarray, " dances"]:
    """How often each dance is drawn: corpora by their shares, within them by length.

    Args:
        dances: of any corpora, and a user's own.
        shares: of the windows, by corpus, see ``data.batches.corpus_shares``.
    """
    lengths = np.array([len(dance) for dance in dances], dtype=float)
    corpora, of = np.unique([dance.corpus for dance in dances], return_inverse=True)
    return corpus_shares(list(corpora), shares or {})[of] * lengths / np.bincount(of, lengths)[of]


def _window(
    dance: Dance, frames: int, channels: int, rng: np.random.Generator, settings: WindowSettings
) -> tuple[Tensor, ...]:
    retimed = rng.random() < settings.retime
    speed = _speeds(rng, 1, settings)[0] if retimed else 1.0
    last = len(dance) - 1
    start = rng.uniform(0, max(0.0, last - (frames - 1) * speed))
    start = start if retimed else math.floor(start)
    at = start + speed * np.arange(frames)
    heard_at = None
    searched = settings.rematch and not dance.in_step
    if searched and len(dance.music_beats) and len(dance) > frames:
        start, speed, place = _rematched(dance, frames, rng, settings)
        at = _bent(dance, start, speed, place, frames)
        heard_at = place + np.arange(frames, dtype=np.float64)
    valid = torch.from_numpy(at <= last + 1e-6)
    at = np.minimum(at, last)
    heard_at = at if heard_at is None else heard_at
    music = torch.zeros(frames, channels)
    if dance.music is not None:
        music = Mix(heard_at, last)(dance.music[:, :channels])  # earlier models know less
        for channel in IMPULSES if channels > max(IMPULSES) else ():
            music[:, channel] = _impulses(dance.music[:, channel].numpy(), heard_at)
        if channels >= PHASE.stop:
            rate = heard_at[1] - heard_at[0]  # later ones may be held at the end
            beats = (dance.music_beats - heard_at[0]) / max(rate, 1e-6)
            music[:, PHASE] = torch.from_numpy(beat_phase(beats, frames))
        music = music * valid[:, None]
    mix = Mix(at, last)
    return (
        mix(dance.sixd),
        mix(dance.root),
        (mix(dance.contacts) > 0.5).float(),
        music,
        torch.tensor(dance.music is not None),
        valid,
    )


def _speeds(rng: np.random.Generator, count: int, settings: WindowSettings) -> np.ndarray:
    low, high = settings.retime_range
    return np.exp(rng.uniform(math.log(low), math.log(high), count))


def _rematched(
    dance: Dance, frames: int, rng: np.random.Generator, settings: WindowSettings
) -> tuple[float, float, int]:
    """A window's first frame, its speed, and the frame of its song at which they agree best."""
    speeds = _speeds(rng, settings.rematch, settings)
    start = rng.uniform(0, max(0.0, len(dance) - 1 - (frames - 1) * settings.retime_range[1]))
    places = rng.integers(0, len(dance) - frames + 1, settings.rematch)
    scores = []
    for speed, place in zip(speeds, places, strict=True):
        moved = (dance.halts.times_s * FPS - start) / speed
        heard = dance.music_beats - place
        moved = moved[(moved >= 0) & (moved < frames)] / FPS
        heard = heard[(heard >= 0) & (heard < frames)] / FPS
        scores.append(beat_alignment(heard, moved) if len(heard) else 0.0)
    best = int(np.argmax(scores))
    return float(start), float(speeds[best]), int(places[best])


def _bent(
    dance: Dance, start: float, speed: float, place: int, frames: int
) -> Float[np.ndarray, " frames"]:
    """Frames of the dance that a window shows, so that its halts fall on the music's beats."""
    seconds = (frames - 1) / FPS
    halts = Halts((dance.halts.times_s - start / FPS) / speed, dance.halts.depth)
    bend = map_to_beats(halts, (dance.music_beats - place) / FPS, seconds)
    return start + speed * FPS * bend(np.arange(frames) / FPS)


def _impulses(values: np.ndarray, at: np.ndarray) -> Tensor:
    """Impulses at the nearest of the frames: mixing would smear them."""
    out = torch.zeros(len(at))
    first, end = math.ceil(at[0]), math.floor(at[-1])
    places = first + np.flatnonzero(values[first : end + 1] > 0.5)
    nearest = np.abs(at[None] - places[:, None]).argmin(1)
    out[torch.from_numpy(nearest)] = 1.0
    return out
