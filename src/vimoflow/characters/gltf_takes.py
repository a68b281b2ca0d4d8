"""Animations of glTF, GLB, VRM and VRMA: every one a take of the file's nodes.

Cubic keys are read as the keys alone; between keys of unlike times, channels go along straight
lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from vimoflow.characters.gltf_file import GltfFile, read_gltf
from vimoflow.errors import InputError
from vimoflow.formats.takes import MAX_JOINTS, MAX_POSES, JointTracks, Take, damaged, matrices_of
from vimoflow.geometry.rotations import quaternion_to_matrix
from vimoflow.geometry.signals import linear_resample

_REST = {"translation": (0.0, 0.0, 0.0), "rotation": (0.0, 0.0, 0.0, 1.0), "scale": (1.0, 1.0, 1.0)}
_VRMA = "VRMC_vrm_animation"


def read_gltf_takes(path: str | Path) -> list[Take]:
    """The animations that move nodes; in a VRMA, nodes bear the names of VRM's bones.

    The bind pose is the skin's, where the file has one, else the nodes as they stand.

    Raises:
        InputError: the file is damaged, or nothing in it is animated.
    """
    file = read_gltf(path)
    takes = [take for one in file.items("animations") if (take := _Animated(file).take(one))]
    if not takes:
        raise InputError(f"{file.path}: holds no animation of a skeleton")
    return takes


@dataclass(frozen=True)
class _Animated:
    """The nodes of a file and what moves them."""

    file: GltfFile

    @property
    def nodes(self) -> list[dict[str, Any]]:
        nodes = self.file.items("nodes")
        if not 0 < len(nodes) <= 10 * MAX_JOINTS:
            raise InputError(f"{self.file.path}: holds {len(nodes)} nodes")
        return nodes

    def parents(self) -> list[int]:
        """The node above each node, -1 for none."""
        nodes, parents = self.nodes, [-1] * len(self.nodes)
        for number, node in enumerate(nodes):
            for child in _list(node.get("children")):
                parents[self.file.index(child, len(nodes), "the nodes")] = number
        return parents

    def names(self) -> list[str]:
        names = [str(node.get("name", "")) for node in self.nodes]
        extensions = self.file.document.get("extensions")
        vrma = extensions.get(_VRMA) if isinstance(extensions, Mapping) else None
        human = vrma.get("humanoid") if isinstance(vrma, Mapping) else None
        bones = human.get("humanBones") if isinstance(human, Mapping) else None
        for bone, place in bones.items() if isinstance(bones, Mapping) else ():
            node = place.get("node") if isinstance(place, Mapping) else None
            names[self.file.index(node, len(names), "the nodes")] = bone
        return names

    def take(self, animation: dict[str, Any]) -> Take | None:
        """One animation; None where it moves nothing that we follow."""
        file, path = self.file, self.file.path
        channels, samplers = _list(animation.get("channels")), _list(animation.get("samplers"))
        keys: dict[tuple[int, str], tuple[np.ndarray, np.ndarray]] = {}
        for channel in channels:
            target = channel.get("target") if isinstance(channel, Mapping) else None
            if not isinstance(target, Mapping) or target.get("path") not in _REST:
                continue
            if "node" not in target:
                continue
            node = file.index(target["node"], len(self.nodes), "the nodes")
            sampler = samplers[file.index(channel.get("sampler"), len(samplers), "the samplers")]
            keys[node, target["path"]] = self._keys(sampler, target["path"])
        if not keys:
            return None
        with damaged(path, "glTF", ValueError, RuntimeError):
            times = np.unique(np.concatenate([when for when, _ in keys.values()]))
            kept = self._kept({node for node, _ in keys})
            if len(times) * len(kept) > MAX_POSES:
                raise InputError(f"{path}: {len(times)} frames of {len(kept)} nodes")
            place, parents = {node: k for k, node in enumerate(kept)}, self.parents()
            names, above = self.names(), [place.get(parents[node], -1) for node in kept]
            local = np.stack([self._local(node, keys, times) for node in kept], axis=1)
            rest = JointTracks(
                [names[n] for n in kept], above, np.zeros((len(kept), 4, 4)),
                np.stack([self._local(n, {}, times[:1]) for n in kept], axis=1), np.eye(4),
            ).world(path)[0]  # fmt: skip
            rest_of = dict(zip(kept, rest, strict=True)) | self._skin_binds()
            bind = np.stack([rest_of[node] for node in kept])
            tracks = JointTracks([names[n] for n in kept], above, bind, local, np.eye(4))
            return tracks.take(str(animation.get("name", "")), times - times[0], path)

    def _kept(self, moved: set[int]) -> list[int]:
        """Nodes that move, or are joints of a skin, and all above them."""
        parents = self.parents()
        for skin in self.file.items("skins"):
            moved |= {
                self.file.index(j, len(parents), "the nodes") for j in _list(skin.get("joints"))
            }
        wanted: set[int] = set()
        for node in moved:
            while node >= 0 and node not in wanted:
                wanted.add(node)
                node = parents[node]
        return sorted(wanted)

    def _keys(self, sampler: object, path: str) -> tuple[np.ndarray, np.ndarray]:
        if not isinstance(sampler, Mapping):
            raise self.file.error("an animation's sampler is no object")
        times = self.file.array(sampler.get("input")).astype(np.float64)[:, 0]
        values = self.file.array(sampler.get("output")).astype(np.float64)
        if sampler.get("interpolation") == "CUBICSPLINE":
            values = values[1::3]
        if values.shape != (len(times), len(_REST[path])):
            raise self.file.error("an animation's keys do not fit its times")
        if not (np.diff(times) > 0).all() or not np.isfinite(values).all():
            raise self.file.error(
                "an animation's times do not increase, or its keys are no numbers"
            )
        return times, values

    def _local(
        self, node: int, keys: Mapping[tuple[int, str], Any], times: Float[np.ndarray, " frames"]
    ) -> Float[np.ndarray, "frames 4 4"]:
        own = self.nodes[node]
        if "matrix" in own and not any((node, path) in keys for path in _REST):
            return np.tile(np.array(own["matrix"], float).reshape(4, 4).T, (len(times), 1, 1))
        parts = {}
        for path, usual in _REST.items():
            if (node, path) in keys:
                when, values = keys[node, path]
                parts[path] = _sampled(when, values, times, path == "rotation")
            else:
                parts[path] = np.tile(np.array(own.get(path, usual), float), (len(times), 1))
        R = quaternion_to_matrix(torch.from_numpy(parts["rotation"].reshape(-1, 4))).numpy()
        return matrices_of(R, parts["translation"], parts["scale"])

    def _skin_binds(self) -> dict[int, np.ndarray]:
        """World matrices of the joints in the bind pose of the first skin that says so."""
        for skin in self.file.items("skins"):
            joints = _list(skin.get("joints"))
            if "inverseBindMatrices" not in skin:
                continue
            inverse = self.file.array(skin["inverseBindMatrices"]).astype(np.float64)
            if inverse.shape != (len(joints), 16):
                raise self.file.error("a skin's matrices do not fit its joints")
            matrices = inverse.reshape(-1, 4, 4).swapaxes(-1, -2)
            if not np.isfinite(matrices).all() or np.abs(np.linalg.det(matrices)).min() < 1e-12:
                raise self.file.error("a skin's matrices cannot be inverted")
            return dict(zip(joints, np.linalg.inv(matrices), strict=True))
        return {}


def _sampled(
    when: np.ndarray, values: np.ndarray, times: np.ndarray, turns: bool
) -> Float[np.ndarray, "frames size"]:
    if len(when) == len(times):
        return values
    if turns:  # the short way round
        same = (values[1:] * values[:-1]).sum(axis=-1, keepdims=True) >= 0
        values = values * np.cumprod(np.concatenate(([[1.0]], np.where(same, 1.0, -1.0))), axis=0)
    tensors = (torch.from_numpy(array) for array in (values, when, times))
    return linear_resample(*tensors).numpy()


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
