"""What becomes of recordings on rigs of other makers and other proportions.

The rigs are :data:`lab.rigs.rigged_figures.FIGURES`, whose joints are known, and one's own files.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lab.rigs.rigged_figures import FIGURES, glb, names_of
from vimoflow import retarget
from vimoflow.characters.alignment import Alignment, align
from vimoflow.characters.character_files import read_character, write_character
from vimoflow.characters.contact_report import ContactReport
from vimoflow.characters.mapping import PARTS, CharacterMap, find_map
from vimoflow.characters.retargeting import onto_character
from vimoflow.conventions import MODEL_FPS
from vimoflow.data.shards import Shard
from vimoflow.motion.character import Character
from vimoflow.motion.clip import Motion

FRAMES = 600
MINUTE = 1800
_OURS = {"chest": "spine3", "left_toe": "left_foot", "right_toe": "right_foot"}
# Slide after by slide before at most, or this many millimetres; below the floor; degrees.
MOST_SLIDE, LITTLE_SLIDE_MM, MOST_SUNK_MM, MOST_DEGREES = 1.1, 0.5, 5.0, 3.0


@dataclass(frozen=True)
class OnCharacter:
    """One rig with all recordings.

    Attributes:
        rig: its name.
        right: whether its joints were found without a hint; None where nobody knows.
        reports: one a recording.
    """

    rig: str
    right: bool | None
    reports: tuple[ContactReport, ...]

    @property
    def slides_more(self) -> int:
        """Recordings in which feet slide more than they may."""
        return sum(
            one.slide_mm is not None
            and one.slide_source_mm is not None
            and one.slide_mm > max(MOST_SLIDE * one.slide_source_mm, LITTLE_SLIDE_MM)
            for one in self.reports
        )

    def row(self) -> str:
        """Of the table: means, and in brackets the most."""
        known = [one for one in self.reports if one.slide_mm is not None]
        slides = [
            np.array([getattr(one, name) for one in known], float)
            for name in ("slide_source_mm", "slide_before_mm", "slide_mm")
        ]
        sunk = [one.sunk_mm for one in self.reports]
        degrees = [one.bone_degrees for one in self.reports]
        most = [one.bone_degrees_p95 for one in self.reports]
        moved = [one.moved_mm for one in self.reports]
        right = {None: "-", True: "yes", False: "no"}[self.right]
        cells = (self.rig, right, *(f"{s.mean():.1f} ({s.max():.1f})" for s in slides),
                 f"{self.slides_more} of {len(self.reports)}", f"{max(sunk):.1f}",
                 f"{np.mean(degrees):.2f}", f"{np.mean(most):.1f} ({max(most):.1f})",
                 f"{np.mean(moved):.0f}")  # fmt: skip
        return f"| {' | '.join(cells)} |"


HEAD = (
    "| rig | joints right | slide in the recording, mm | on the rig | feet locked "
    "| slides more | below the floor, mm | limbs beside, degrees "
    "| 95 % within | joints moved, mm |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


def recordings(shards: Sequence[Shard], limit: int) -> dict[str, Motion]:
    """The longest recordings of each corpus, their first 20 seconds, by name."""
    found = {}
    for shard in shards:
        lengths = np.diff(shard.starts)
        for k in np.argsort(-lengths, kind="stable")[:limit]:
            found[f"{shard.entry.corpus}/{shard.names[k]}"] = recording(shard, int(k), FRAMES)
    return found


def recording(shard: Shard, k: int, frames: int) -> Motion:
    """The first frames of a shard's recording."""
    part = slice(int(shard.starts[k]), min(int(shard.starts[k]) + frames, int(shard.starts[k + 1])))
    poses = np.array(shard.poses[part]).reshape(-1, 24, 3)
    return Motion(poses, np.array(shard.trans[part]), MODEL_FPS, np.array(shard.contacts[part]))


def on_characters(
    motions: Sequence[Motion], files: Sequence[Path], show: Callable[[int, int], None]
) -> Iterator[OnCharacter]:
    """Each rig with all motions."""
    with tempfile.TemporaryDirectory() as folder:
        rigs = [(path.name, path) for path in files]
        for name, figure in FIGURES.items():
            path = Path(folder) / f"{len(rigs)}.glb"
            path.write_bytes(glb(figure, sum(map(ord, name))))
            rigs.append((name, path))
        for number, (name, path) in enumerate(rigs, 1):
            character = read_character(path)
            joints = find_map(character)
            rig = align(character, joints)
            reports = tuple(onto_character(motion, rig).report for motion in motions)
            right = _right(name, character, joints) if name in FIGURES else None
            show(number, len(rigs))
            yield OnCharacter(name, right, reports)


def _right(name: str, character: Character, joints: CharacterMap) -> bool:
    named = names_of(FIGURES[name])
    wanted = {part: named.get(_OURS.get(part, part)) for part in PARTS if part != "pelvis"}
    return all(
        character.names[joints.joints[part]] == joint
        for part, joint in wanted.items()
        if joint is not None
    )


def minute_seconds(shards: Sequence[Shard]) -> tuple[float, float]:
    """Processor time to put a minute on a character's GLB; and to read and write it alone."""
    shard = max(shards, key=lambda one: int(np.diff(one.starts).max()))
    motion = recording(shard, int(np.diff(shard.starts).argmax()), MINUTE)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figure.glb"
        path.write_bytes(glb(FIGURES["Mixamo"]))
        retarget(motion, path, Path(folder) / "warm")
        started = time.process_time()
        retarget(motion, path, Path(folder) / "out")
        whole = time.process_time() - started
        made = onto_character(motion, _aligned(path)).motion
        started = time.process_time()
        read_character(path)
        write_character(made, path, Path(folder) / "again.glb")
        return whole, time.process_time() - started


def _aligned(path: Path) -> Alignment:
    character = read_character(path)
    return align(character, find_map(character))
