"""Motions on the user's own character, as files: the animated character, its map, ``run.json``."""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass
from pathlib import Path

from vimoflow import __version__
from vimoflow.characters.alignment import align
from vimoflow.characters.character_files import read_character, write_character, written_name
from vimoflow.characters.contact_report import ContactReport
from vimoflow.characters.looping import Cycle, best_cycle, repeated, trimmed
from vimoflow.characters.mapping import PARTS, find_map, map_text
from vimoflow.characters.retarget_options import MAP_FILE, RetargetOptions
from vimoflow.characters.retargeting import onto_character
from vimoflow.motion.character import CharacterMotion
from vimoflow.motion.clip import Motion
from vimoflow.pipeline.folders import all_or_nothing


@dataclass(frozen=True)
class CharacterResult:
    """Where the animated character is, and what became of the motion on it.

    Attributes:
        files: written.
        joints: the character's joint by part, such as "left_knee".
        found: how the joints were found, in words.
        report: feet, floor and bones.
        cycle: what was cut out, if a loop was asked for.
    """

    files: tuple[Path, ...]
    joints: dict[str, str]
    found: str
    report: ContactReport
    cycle: Cycle | None

    @property
    def record(self) -> dict[str, object]:
        """What ``run.json`` says of it."""
        cycle = self.cycle
        return {
            "joints": self.joints,
            "joints_found": self.found,
            "contacts": dataclasses.asdict(self.report),
            "cycle": None if cycle is None else {
                "start_s": cycle.start_s, "end_s": cycle.end_s, "gap_mm": cycle.gap_mm,
            },
        }  # fmt: skip


def retarget(
    motion: Motion,
    character: str | Path,
    output: str | Path,
    options: RetargetOptions | None = None,
    name: str = "motion",
) -> CharacterResult:
    """Put a motion on the user's own character: the character's file with one animation more.

    Args:
        motion: any.
        character: a rigged figure as GLB, glTF, VRM, FBX or BVH.
        output: the folder, which also gets the joints' map and ``run.json``.
        options: how.
        name: of the animation.

    Raises:
        InputError: the character cannot be read, or no person's joints are found in it.
        OutputError: the folder cannot be written to.
    """
    options, started = options or RetargetOptions(), time.perf_counter()
    output = Path(output)
    with all_or_nothing(output) as partial:
        result = write_onto(motion, Path(character), partial, options, name)
        record = {
            "vimoflow": __version__,
            "character": Path(character).name,
            "options": dataclasses.asdict(options) | {"map": options.map and str(options.map)},
            **result.record,
            "frames": len(motion),
            "timings": {"total_s": round(time.perf_counter() - started, 3)},
        }
        text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
        (partial / "run.json").write_text(text, encoding="utf-8")
    files = (*(output / path.name for path in result.files), output / "run.json")
    return dataclasses.replace(result, files=files)


def require_character(path: Path) -> None:
    """Check that a file is a character of a person, before anything slow starts.

    Raises:
        InputError: it is not.
    """
    figure = read_character(path)
    align(figure, find_map(figure))


def write_onto(
    motion: Motion, character: Path, folder: Path, options: RetargetOptions, name: str = "motion"
) -> CharacterResult:
    """As :func:`retarget`, without a record, into a folder that is there."""
    figure = read_character(character)
    joint_map = find_map(figure, options.map)
    rig = align(figure, joint_map)
    motion = trimmed(motion, options.start_s, options.end_s)
    cycle = best_cycle(motion) if options.loop else None
    wanted = motion if cycle is None else repeated(cycle.motion)
    made = onto_character(wanted, rig, name, options.root, options.lock_feet)
    animation = made.motion if cycle is None else _second_of_three(made.motion)
    target, toml = folder / written_name(character), folder / MAP_FILE
    write_character(animation, character, target)
    toml.write_text(map_text(figure, joint_map), encoding="utf-8")
    found = joint_map.joints
    joints = {part: figure.names[found[part]] for part in PARTS if part in found}
    return CharacterResult((target, toml), joints, joint_map.found, made.report, cycle)


def _second_of_three(motion: CharacterMotion) -> CharacterMotion:
    steps = (len(motion.times) - 1) // 3
    part = slice(steps, 2 * steps + 1)
    return dataclasses.replace(
        motion,
        times=motion.times[part] - motion.times[steps],
        rotations={node: values[part] for node, values in motion.rotations.items()},
        translations={node: values[part] for node, values in motion.translations.items()},
    )
