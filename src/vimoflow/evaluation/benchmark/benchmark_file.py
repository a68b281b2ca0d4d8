"""A benchmark as data: a TOML file names clips, views, split and where the 2D comes from.

    name = "dance"
    seeds = [0, 1, 2]

    [[clips]]
    corpus = "aistpp"
    source = "detections"
    views = [1, 5]

Corpora are those of the shards (`vimoflow data prepare`), so the same file runs for anyone who has
prepared the same recordings, and a new one describes recordings of one's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vimoflow.data.camera_kinds import CAMERA_KINDS
from vimoflow.data.recording import Split
from vimoflow.data.shards import Shard
from vimoflow.documents import build, read_document
from vimoflow.errors import ConfigError, InputError
from vimoflow.evaluation.benchmark.cases import (
    LONGEST,
    Case,
    picked_rows,
    real_case,
    real_views,
    require_usable,
    virtual_case,
)

Cameras = Literal[
    "level", "tilted", "still", "panning", "hand-held", "zooming", "following", "orbiting"
]
SourceOf2D = Literal["truth", "noisy", "detections", "video"]


@dataclass(frozen=True)
class ClipSet:
    """Some clips of one corpus and how their 2D is had.

    Attributes:
        corpus: as in the shards; "rendered" is for `python -m lab evaluate rendered`.
        source: "truth" (exact projections), "noisy" (those with simulated detector noise),
            "detections" (real ones, kept in the shards), "video" (MediaPipe on rendered videos).
        title: of its row in the tables; corpus and group unless given.
        groups: only these groups of the corpus; all unless given.
        names: only these recordings; all unless given.
        views: which of the real views, from 1; all unless given.
        limit: recordings of each group at most, evenly spread.
        frames: longest clip from a virtual camera, cut from the recording's middle.
        cameras: kind of the virtual ones, see ``data.camera_kinds``.
    """

    corpus: str
    source: SourceOf2D
    title: str = ""
    groups: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    views: tuple[int, ...] = ()
    limit: int | None = None
    frames: int = LONGEST
    cameras: Cameras = "level"


@dataclass(frozen=True)
class Manifest:
    """A benchmark.

    Attributes:
        name: for the report.
        clips: what it consists of.
        description: a sentence or two for the report.
        split: of the shards.
        seeds: of the noise; metrics are means over them.
        samples: how many motions a clip and seed; the first one, their mean and the one that fits
            the 2D best are reported apart.
        camera_seed: of virtual cameras and detector noise.
    """

    name: str
    clips: tuple[ClipSet, ...]
    description: str = ""
    split: Split = "validation"
    seeds: tuple[int, ...] = (0,)
    samples: int = 1
    camera_seed: int = 0


@dataclass(frozen=True)
class NamedCases:
    """The cases of one row of the tables."""

    title: str
    cases: tuple[Case, ...]


def read_manifest(path: Path) -> Manifest:
    """A benchmark from a TOML file.

    Raises:
        InputError: the file cannot be read or is no TOML.
        ConfigError: an unknown field, or a value that makes no sense.
    """
    document = read_document(path)
    rows = document.pop("clips", None)
    if not isinstance(rows, list) or not rows:
        raise ConfigError(f"{path}: names no clips; add a [[clips]] table")
    clips = [
        build(ClipSet, row, f"{path}: [[clips]] number {i}") for i, row in enumerate(rows, start=1)
    ]
    for clip_set in clips:
        _check_set(clip_set, path)
    manifest = build(Manifest, {**document, "clips": rows}, str(path))
    if not manifest.seeds or manifest.samples < 1 or manifest.camera_seed < 0:
        raise ConfigError(f"{path}: needs at least one seed and one sample, camera_seed from 0 on")
    return manifest


def benchmark_cases(
    manifest: Manifest,
    shards: Sequence[Shard],
    limit: int | None = None,
) -> list[NamedCases]:
    """The cases of every row of the tables, checked.

    Args:
        manifest: what is wanted.
        shards: of its split.
        limit: a tighter one than the manifest's, for a quick look.

    Raises:
        InputError: a corpus, group, recording or view is not there, or a clip cannot be used.
    """
    found: list[NamedCases] = []
    for clip_set in manifest.clips:
        cap = min((n for n in (limit, clip_set.limit) if n is not None), default=None)
        found += _of_corpus(clip_set, _shard(shards, clip_set), cap, manifest.camera_seed)
    return checked(found)


def checked(sets: list[NamedCases]) -> list[NamedCases]:
    """The same sets, if their titles differ and their clips can be used.

    Raises:
        ConfigError: two have one title.
        InputError: a clip cannot be used.
    """
    titles = [named.title for named in sets]
    twice = sorted({title for title in titles if titles.count(title) > 1})
    if twice:
        raise ConfigError(f"two sets of clips are called {twice[0]!r}; give them titles")
    require_usable([case for named in sets for case in named.cases])
    return sets


def _check_set(clip_set: ClipSet, path: Path) -> None:
    for name in ("limit", "frames"):
        value = getattr(clip_set, name)
        if value is not None and value < 1:
            raise ConfigError(f"{path}: {name} must be a whole number from 1 on")
    rendered = clip_set.corpus == "rendered"
    if rendered and clip_set.source not in ("truth", "video"):
        raise ConfigError(f"{path}: rendered clips have source 'truth' or 'video'")
    if not rendered and clip_set.source == "video":
        raise ConfigError(
            f"{path}: source 'video' is for corpus 'rendered'; shards hold 'detections'"
        )


def _shard(shards: Sequence[Shard], clip_set: ClipSet) -> Shard:
    for shard in shards:
        if shard.entry.corpus == clip_set.corpus:
            return shard
    if clip_set.corpus == "rendered":
        raise InputError("rendered clips are for `python -m lab evaluate rendered`, in a clone")
    if not shards:
        raise InputError(f"corpus {clip_set.corpus!r} is in shards: name their folder with --data")
    names = ", ".join(shard.entry.corpus for shard in shards)
    raise InputError(f"there is no corpus {clip_set.corpus!r} in the shards; there are: {names}")


def _of_corpus(clip_set: ClipSet, shard: Shard, limit: int | None, seed: int) -> list[NamedCases]:
    for wanted, there, what in (
        (clip_set.groups, shard.groups, "group"), (clip_set.names, shard.names, "recording"),
    ):  # fmt: skip
        missing = sorted(set(wanted) - set(there))
        if missing:
            raise InputError(f"{clip_set.corpus} has no {what} {missing[0]!r}")
    found: list[NamedCases] = []
    for group in sorted(set(clip_set.groups or shard.groups)):
        rows = [
            i for i, g in enumerate(shard.groups)
            if g == group and (not clip_set.names or shard.names[i] in clip_set.names)
        ]  # fmt: skip
        cases = [c for i in picked_rows(rows, limit) for c in _cases(clip_set, shard, i, seed)]
        title = " ".join(part for part in (clip_set.title or shard.entry.corpus, group) if part)
        if cases:
            found.append(NamedCases(title, tuple(cases)))
    return found


def _cases(clip_set: ClipSet, shard: Shard, row: int, seed: int) -> list[Case]:
    if clip_set.source != "detections":
        cameras = CAMERA_KINDS[clip_set.cameras]
        noisy = clip_set.source == "noisy"
        return [virtual_case(shard, row, seed, clip_set.frames, noisy, cameras)]
    views = real_views(shard, row)
    if not views:
        raise InputError(f"{shard.names[row]}: has no detections; use source 'noisy' or 'truth'")
    absent = sorted(v for v in clip_set.views if not 1 <= v <= len(views))
    if absent:
        raise InputError(f"{shard.names[row]}: has no view {absent[0]}; there are {len(views)}")
    chosen = [views[v - 1] for v in clip_set.views] or views
    return [real_case(shard, row, view) for view in chosen]
