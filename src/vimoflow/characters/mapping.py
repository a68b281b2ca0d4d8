"""Which of a character's joints are which of ours: found, told, and read from an edited file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vimoflow.characters.hierarchy import Hierarchy
from vimoflow.characters.joint_words import bare_name
from vimoflow.characters.recognition import recognise
from vimoflow.characters.toml_file import NEEDED, OPTIONAL, parse_rig_map
from vimoflow.errors import InputError
from vimoflow.motion.character import Character

PARTS = NEEDED + OPTIONAL


@dataclass(frozen=True)
class CharacterMap:
    """The character's joint of each of our parts.

    Attributes:
        joints: index of the joint by part, one of :data:`PARTS`.
        found: how, in words.
    """

    joints: Mapping[str, int]
    found: str


def find_map(character: Character, map_file: str | Path | None = None) -> CharacterMap:
    """The joints that a map names, or VRM's own table, or else what names and shape tell.

    Raises:
        InputError: a joint of the map is missing, or legs, arms or head are not found.
    """
    if map_file is not None:
        return CharacterMap(_read(character, Path(map_file)), f"by {Path(map_file).name}")
    if set(NEEDED) <= character.humanoid.keys():
        return CharacterMap(character.humanoid, "by the file's own table (VRM)")
    wanted = character.bones.copy()
    for node in reversed(range(len(wanted))):  # what joints hang on is part of the skeleton
        if wanted[node] and character.parents[node] >= 0:
            wanted[character.parents[node]] = True
    nodes = np.flatnonzero(wanted)
    place = {int(node): index for index, node in enumerate(nodes)}
    at = character.rest_world[nodes, :3, 3]
    skeleton = Hierarchy(
        tuple(character.names[n] for n in nodes),
        tuple(place.get(character.parents[n], -1) for n in nodes),
        at,
        at,
    )
    try:
        found = recognise(skeleton, character=True)
    except InputError as error:
        raise InputError(f"{character.source}: {error}") from None
    index = {name: node for node, name in enumerate(character.names)}
    return CharacterMap({part: index[name] for part, name in found.items()}, "by names and shape")


def map_text(character: Character, joints: CharacterMap) -> str:
    """The map as TOML, to be edited and read again by :func:`find_map`."""
    lines = [
        "# Which joints are which; correct what is wrong and name this file with --map.",
        "[joints]",
    ]
    lines += [
        f"{part} = {json.dumps(character.names[joints.joints[part]], ensure_ascii=False)}"
        for part in PARTS
        if part in joints.joints
    ]
    return "\n".join(lines) + "\n"


def _read(character: Character, path: Path) -> dict[str, int]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise InputError(f"{path}: cannot be read ({reason})") from None
    entries = parse_rig_map(text, str(path), path.stem)["joints"]
    index = {bare_name(name): node for node, name in reversed([*enumerate(character.names)])}
    index |= {name: node for node, name in enumerate(character.names)}
    found = {}
    for part, entry in entries.items():
        named = next((name for name in entry.names if name in index), None)
        if named is not None:
            found[part] = index[named]
        elif part in NEEDED:
            raise InputError(f"{path}: {part} is '{entry.names[0]}', which the character lacks")
    return found
