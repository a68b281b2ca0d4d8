"""VRM Animation (VRMC_vrm_animation 1.0): the motion for any VRM character.

A VRMA is a GLB whose nodes are named as VRM's humanoid bones. As the specification demands, the
nodes rest in a T-pose that stands on the floor and faces +Z, and only the hips are moved.
"""

from __future__ import annotations

from pathlib import Path

from vimoflow.files import output_errors, write_bytes
from vimoflow.formats.glb import animated_skeleton, glb_bytes
from vimoflow.motion.clip import Motion
from vimoflow.motion.skeleton import JOINT_NAMES, joint

EXTENSION = "VRMC_vrm_animation"
_TRUNK = {
    "pelvis": "hips", "spine1": "spine", "spine2": "chest", "spine3": "upperChest",
    "neck": "neck", "head": "head",
}  # fmt: skip
_LIMBS = {
    "hip": "UpperLeg", "knee": "LowerLeg", "ankle": "Foot", "foot": "Toes",
    "collar": "Shoulder", "shoulder": "UpperArm", "elbow": "LowerArm", "wrist": "Hand",
}  # fmt: skip
HUMAN_BONES = _TRUNK | {
    f"{side}_{part}": f"{side}{bone}" for side in ("left", "right") for part, bone in _LIMBS.items()
}
"""VRM's humanoid bone of each joint; our hands have none, theirs are fingers."""


def write_vrma(motion: Motion, path: str | Path) -> None:
    """Write a motion, with its own times; equal motions give equal bytes.

    Raises:
        OutputError: the file cannot be written.
    """
    gltf, buffer = animated_skeleton(motion)
    nodes = {bone: {"node": joint(name)} for name, bone in HUMAN_BONES.items()}
    gltf.extensionsUsed = [EXTENSION]
    gltf.extensions = {EXTENSION: {"specVersion": "1.0", "humanoid": {"humanBones": nodes}}}
    for index, name in enumerate(JOINT_NAMES):
        gltf.nodes[index].name = HUMAN_BONES.get(name, name)
    with output_errors(Path(path)):
        write_bytes(Path(path), glb_bytes(gltf, buffer))
