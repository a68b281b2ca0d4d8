"""Dances with their music."""

from __future__ import annotations

import dataclasses
import fnmatch
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.data.recording import Split
from vimoflow.data.shards import Shard, read_manifest, read_shard
from vimoflow.errors import InputError
from vimoflow.evaluation.benchmark.music_beats import ENDINGS, music_of
from vimoflow.geometry.rotations import (
    axis_angle_to_matrix,
    matrix_to_sixd,
    sixd_to_matrix,
)
from vimoflow.motion.clip import Motion
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.music.audio_features import (
    FPS,
    LibrosaFeatures,
    MusicFeatures,
    beats_s,
    music_features,
    with_beats,
)
from vimoflow.music.beat_warping import Halts, halts_in

BEATS_ENDING = ".beats"


@dataclass(frozen=True)
class Dance:
    """A motion at 30 fps on the canonical skeleton, and what is heard meanwhile.

    Attributes:
        name: of the recording.
        sixd, root, contacts: see ``motion.features``; the root in metres.
        music: features as ``music.audio_features`` makes them, not normalised; None where
            there is no music.
        corpus: which it is of; "" for a user's own.
        in_step: whether motion and music are, as where the music was made for the motion.
    """

    name: str
    sixd: Float[Tensor, "frames 24 6"]
    root: Float[Tensor, "frames 3"]
    contacts: Float[Tensor, "frames 4"]
    music: Float[Tensor, "frames c"] | None
    corpus: str = ""
    in_step: bool = False

    def __len__(self) -> int:
        return len(self.root)

    def part(self, first: int, end: int) -> Dance:
        """Its frames from ``first`` to before ``end``, named by the second it begins at."""
        span, music = slice(first, end), None if self.music is None else self.music[first:end]
        return dataclasses.replace(
            self, name=f"{self.name}@{first / FPS:.1f}", sixd=self.sixd[span], root=self.root[span],
            contacts=self.contacts[span], music=music,
        )  # fmt: skip

    @functools.cached_property
    def halts(self) -> Halts:
        """Moments at which the body moves least."""
        joints = forward_kinematics(sixd_to_matrix(self.sixd), self.root)[1]
        return halts_in(joints.numpy(), FPS)

    @functools.cached_property
    def music_beats(self) -> Float[np.ndarray, " beats"]:
        """Frames of the music's beats; none without music."""
        return np.zeros(0) if self.music is None else beats_s(self.music.numpy()) * FPS


def read_dances(
    data: Path,
    audio: Path,
    split: Split | None = "train",
    only: Sequence[str] = ("*",),
    without: Sequence[str] = (),
    extractor: MusicFeatures | None = None,
    in_step: bool = False,
) -> list[Dance]:
    """Recordings of all corpora of a folder of shards that have music, with it.

    Args:
        data: folder of shards.
        audio: folder with a file for each recording, named like it, or like its piece of music
            where the recordings are AIST++'s (``mJS2.mp3`` for ``gJS_sBM_cAll_d03_mJS2_ch07``).
            Where ``NAME.beats`` is beside one, its lines, seconds, are the beats instead of those
            that are found.
        split: which; both if None.
        only, without: patterns of names (``DANCE_W_*``) to take, and of those to leave out.
        extractor: see :func:`vimoflow.music.audio_features.music_features`.
        in_step: whether this music is in step with the motions.

    Raises:
        InputError: nothing is left, or a file cannot be read.
    """
    found = []
    for shard, row in _rows(data, split, only, without):
        if path := find_music(audio, shard.names[row]):
            music = _with_stated_beats(music_features(path, extractor=extractor), path)
            found.append(_dance(shard, row, music, in_step))
    if not found:
        raise InputError(
            f"{data}: no recording has music in {audio} and is named as wanted; music files are "
            f"named like the recordings ({', '.join(ENDINGS)})"
        )
    return found


def read_motions_only(
    data: Path,
    split: Split | None = "train",
    only: Sequence[str] = ("*",),
    without: Sequence[str] = (),
) -> list[Dance]:
    """All recordings of a folder of shards, without music; see :func:`read_dances`."""
    return [_dance(shard, row, None, False) for shard, row in _rows(data, split, only, without)]


def _rows(
    data: Path, split: Split | None, only: Sequence[str], without: Sequence[str]
) -> Iterator[tuple[Shard, int]]:
    """The chosen recordings, each as a row of its shard."""
    for entry in read_manifest(data):
        if split is None or entry.split == split:
            shard = read_shard(data, entry)
            for row, name in enumerate(shard.names):
                if _chosen(name, only, without):
                    yield shard, row


def _with_stated_beats(music: np.ndarray, path: Path) -> np.ndarray:
    stated = path.with_suffix(BEATS_ENDING)
    if not stated.is_file() or music.shape[1] != LibrosaFeatures.channels:
        return music
    try:
        times = np.sort([float(line) for line in stated.read_text("utf-8").split()])
    except ValueError as error:
        raise InputError(f"{stated}: beats are seconds, one a line ({error})") from error
    return with_beats(music, times[(times >= 0) & (times < (len(music) - 0.5) / FPS)])


def find_music(audio: Path, name: str) -> Path | None:
    """The music of a recording: the file of its own name, or of its AIST++ piece."""
    own = music_of(audio, name)
    pieces = [part for part in Path(name).name.split("_") if part[:1] == "m" and len(part) == 4]
    return own or (music_of(audio, pieces[0]) if pieces else None)


def dance_of(
    motion: Motion, name: str, music: Float[np.ndarray, "frames c"] | None = None
) -> Dance:
    """A motion at 30 fps as a dance; music that ends earlier ends the dance."""
    frames = len(motion) if music is None else min(len(motion), len(music))
    R = torch.from_numpy(motion.local_rotations[:frames])
    return Dance(
        name,
        matrix_to_sixd(R).float(),
        torch.from_numpy(motion.trans[:frames]).float(),
        torch.from_numpy(motion.contacts[:frames]).float(),
        None if music is None else torch.from_numpy(music[:frames]),
    )


def _dance(shard: Shard, row: int, music: np.ndarray | None, in_step: bool) -> Dance:
    first, end = int(shard.starts[row]), int(shard.starts[row + 1])
    end = end if music is None else min(end, first + len(music))
    poses = torch.from_numpy(shard.poses[first:end]).unflatten(1, (24, 3))
    return Dance(
        shard.names[row],
        matrix_to_sixd(axis_angle_to_matrix(poses)),
        torch.from_numpy(shard.trans[first:end].copy()),
        torch.from_numpy(shard.contacts[first:end].copy()),
        None if music is None else torch.from_numpy(music[: end - first].copy()),
        shard.entry.corpus,
        in_step,
    )


def _chosen(name: str, only: Sequence[str], without: Sequence[str]) -> bool:
    def named(patterns: Sequence[str]) -> bool:
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)

    return named(only) and not named(without)
