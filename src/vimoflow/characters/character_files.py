"""Character files by their ending: read, and written again with an animation."""

from __future__ import annotations

from pathlib import Path

from vimoflow.characters.bvh_character import bvh_character, with_frames
from vimoflow.characters.gltf_animation import with_animation
from vimoflow.characters.gltf_character import gltf_character
from vimoflow.characters.gltf_file import read_gltf
from vimoflow.errors import InputError
from vimoflow.files import output_errors, write_bytes
from vimoflow.foreign_files import refuse_foreign
from vimoflow.formats.fbx_character import read_fbx_character, with_take
from vimoflow.motion.character import Character, CharacterMotion

_GLTF = (".glb", ".gltf", ".vrm")
ENDINGS = (*_GLTF, ".fbx", ".bvh")


def read_character(path: str | Path) -> Character:
    """A rigged figure from GLB, glTF, VRM, FBX or BVH.

    Raises:
        InputError: another ending, no skeleton, or damaged.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in _GLTF:
        return gltf_character(read_gltf(path))
    if suffix == ".fbx":
        return read_fbx_character(path)
    if suffix == ".bvh":
        return bvh_character(path)
    refuse_foreign(path)
    raise InputError(f"{path}: name a rigged character as {', '.join(ENDINGS)}")


def written_name(path: str | Path) -> str:
    """What the animated file is called, never as the user's own; a ``.gltf`` becomes a GLB."""
    path = Path(path)
    suffix = path.suffix.lower().replace(".gltf", ".glb")
    return f"{path.stem}_animated{suffix}"


def animated(motion: CharacterMotion, source: Path) -> bytes:
    """The user's file with the animation; errors as for :func:`write_character`."""
    suffix = source.suffix.lower()
    if suffix == ".fbx":
        return with_take(source, motion)
    if suffix == ".bvh":
        return with_frames(source, motion)
    return with_animation(read_gltf(source), motion)


def write_character(motion: CharacterMotion, source: str | Path, target: str | Path) -> None:
    """Write the user's file with the animation.

    Args:
        motion: of the character in ``source``.
        source: the user's file.
        target: the file to write; it appears complete or not at all.

    Raises:
        InputError: the source is no longer readable.
        OutputError: the file cannot be written.
    """
    content = animated(motion, Path(source))
    with output_errors(Path(target)):
        write_bytes(Path(target), content)
