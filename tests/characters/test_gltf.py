"""glTF, GLB and VRM: what the user's file holds stays, what is broken is refused in one line."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pygltflib
import pytest

from character_examples import walk
from lab.rigs.rigged_figures import FIGURES, as_vrm, document_of, glb, pack
from vimoflow import retarget
from vimoflow.characters.character_files import read_character
from vimoflow.characters.gltf_file import read_gltf
from vimoflow.characters.mapping import find_map
from vimoflow.errors import InputError

WALK = walk(frames=20)
FIGURE = FIGURES["VRM"]


def test_the_users_file_stays_as_it_is(tmp_path: Path) -> None:
    """Buffers byte by byte, and all of the JSON but what has to grow; read by another library."""
    path = tmp_path / "hero.glb"
    path.write_bytes(glb(FIGURE))
    target = retarget(WALK, path, tmp_path / "out", name="walk").files[0]
    before, after = read_gltf(path), read_gltf(target)
    assert after.buffers[0].startswith(before.buffers[0])
    for key, value in before.document.items():
        if key == "buffers":
            continue
        grown = after.document[key]
        added = {"bufferViews": 1, "accessors": None, "animations": 1}.get(key, 0)
        if isinstance(value, list):
            assert grown[: len(value)] == value, key
            assert added is None or len(grown) == len(value) + added, key
        else:
            assert grown == value, key
    other = pygltflib.GLTF2().load(str(target))
    assert [a.name for a in other.animations] == ["their own", "walk"]
    assert other.meshes[0].extras == {"targetNames": ["smile"]}
    assert other.asset.extras == {"author": "somebody"}
    times = other.accessors[other.animations[1].samplers[0].input]
    assert times.count == len(WALK) and times.max == pytest.approx([19 / 30])


def test_the_animation_shows_in_another_librarys_scene(tmp_path: Path) -> None:
    """Nothing is left outside the buffers: trimesh takes every accessor."""
    import trimesh

    path = tmp_path / "hero.glb"
    path.write_bytes(glb(FIGURE))
    target = retarget(WALK, path, tmp_path / "out").files[0]
    scene = trimesh.load(target)
    assert len(scene.geometry) == 1


def test_buffers_and_pictures_beside_the_file_or_in_base64(tmp_path: Path) -> None:
    document, binary = document_of(FIGURE)
    half = len(binary) // 2 // 4 * 4
    (tmp_path / "mesh data.bin").write_bytes(binary)
    (tmp_path / "skin.png").write_bytes(b"\x89PNG 123")
    document["images"] = [{"uri": "skin.png"}]
    document["buffers"] = [{"byteLength": len(binary), "uri": "mesh%20data.bin"},
                           {"byteLength": half, "uri": "data:application/octet-stream;base64,"
                            + base64.b64encode(binary[:half]).decode()}]  # fmt: skip
    moved = [v for v in document["bufferViews"] if v["byteOffset"] + v["byteLength"] <= half]
    for view in moved:
        view["buffer"] = 1
    path = tmp_path / "hero.gltf"
    path.write_text(json.dumps(document))
    plain = tmp_path / "plain.glb"
    plain.write_bytes(glb(FIGURE))
    target = retarget(WALK, path, tmp_path / "out").files[0]
    assert target.name == "hero_animated.glb"
    a, b = read_character(target), read_character(plain)
    assert a.mesh is not None and b.mesh is not None
    assert np.array_equal(a.mesh.vertices, b.mesh.vertices)
    file = read_gltf(target)
    view = file.item("bufferViews", file.items("images")[0]["bufferView"])
    at = view["byteOffset"]
    assert file.buffers[0][at : at + view["byteLength"]] == b"\x89PNG 123"


def test_a_sparse_accessor(tmp_path: Path) -> None:
    document, binary = document_of(FIGURE)
    position = document["meshes"][0]["primitives"][0]["attributes"]["POSITION"]
    extra = np.array([3], "<u2").tobytes() + b"\0\0" + np.array([[1, 2, 3]], "<f4").tobytes()
    document["bufferViews"] += [{"buffer": 0, "byteOffset": len(binary), "byteLength": len(extra)}]
    view = len(document["bufferViews"]) - 1
    document["accessors"][position]["sparse"] = {
        "count": 1, "indices": {"bufferView": view, "componentType": 5123},
        "values": {"bufferView": view, "byteOffset": 4},
    }  # fmt: skip
    document["buffers"][0]["byteLength"] += len(extra)
    path = tmp_path / "hero.glb"
    path.write_bytes(pack(document, binary + extra))
    assert read_gltf(path).array(position)[3].tolist() == [1, 2, 3]


def test_nodes_with_a_matrix(tmp_path: Path) -> None:
    document, binary = document_of(FIGURE)
    plain = tmp_path / "plain.glb"
    plain.write_bytes(pack(document, binary))
    rest = read_character(plain)
    order = {name: k for k, name in enumerate(rest.names)}
    other = copy.deepcopy(document)
    for node in other["nodes"][:-1]:
        for key in ("translation", "rotation", "scale"):
            node.pop(key, None)
        node["matrix"] = rest.rest_local[order[node["name"]]].T.ravel().tolist()
    path = tmp_path / "matrix.glb"
    path.write_bytes(pack(other, binary))
    assert np.allclose(read_character(path).rest_world, rest.rest_world, atol=1e-6)
    files = [read_gltf(retarget(WALK, p, tmp_path / p.stem).files[0]) for p in (plain, path)]
    hips = [next(n for n in f.items("nodes") if n["name"] == "hips") for f in files]
    assert "matrix" not in hips[1]
    assert np.allclose(hips[0]["translation"], hips[1]["translation"], atol=1e-6)


@pytest.mark.parametrize("version", [0, 1])
def test_vrm_says_itself_which_joints_are_which(tmp_path: Path, version: int) -> None:
    document, binary = document_of(FIGURE)
    by_name = tmp_path / "named.glb"
    by_name.write_bytes(pack(document, binary))
    expected = find_map(read_character(by_name)).joints
    path = tmp_path / "hero.vrm"
    path.write_bytes(pack(as_vrm(version, copy.deepcopy(document)), binary))
    found = find_map(read_character(path))
    assert "VRM" in found.found
    assert {k: v for k, v in found.joints.items() if k in expected} == expected
    target = retarget(WALK, path, tmp_path / "out").files[0]
    assert target.suffix == ".vrm"
    assert read_gltf(target).document["extensions"] == read_gltf(path).document["extensions"]


Edit = Callable[[dict[str, Any]], object]


def _deep(document: dict[str, Any]) -> None:
    document["nodes"] += [{"children": [len(document["nodes"]) + k + 1]} for k in range(30000)]


BROKEN: dict[str, Edit] = {
    "nodes in a circle": lambda d: d["nodes"][3].setdefault("children", []).append(0),
    "a node of two parents": lambda d: d["nodes"][0]["children"].append(5),
    "a child that is not there": lambda d: d["nodes"][0]["children"].append(10**9),
    "too many nodes": _deep,
    "an absurd count": lambda d: d["accessors"][0].update(count=10**12),
    "a count of nothing": lambda d: (d["accessors"][0].pop("bufferView"),
                                     d["accessors"][0].update(count=1 << 26)),
    "a negative offset": lambda d: d["bufferViews"][0].update(byteOffset=-5),
    "a view past the end": lambda d: d["bufferViews"][0].update(byteOffset=10**7),
    "a buffer that is cut": lambda d: d["buffers"][0].update(byteLength=10**8),
    "a transform of NaN": lambda d: d["nodes"][2].update(translation=[float("nan"), 0, 0]),
    "a transform of words": lambda d: d["nodes"][2].update(rotation=["a", 0, 0, 1]),
    "no skin": lambda d: d.pop("skins"),
    "a skin without joints": lambda d: d["skins"][0].update(joints=[]),
    "nodes that are none": lambda d: d.update(nodes=[3]),
    "version 1": lambda d: d.update(asset={"version": "1.0"}),
    "packed meshes": lambda d: d.update(extensionsRequired=["KHR_draco_mesh_compression"]),
    "a web address": lambda d: d["buffers"][0].update(uri="https://example.org/a.bin"),
    "a file outside": lambda d: d["buffers"][0].update(uri="../secret.bin"),
    "an absolute path": lambda d: d["buffers"][0].update(uri="/etc/passwd"),
    "a file outside, hidden": lambda d: d["buffers"][0].update(uri="%2e%2e/secret.bin"),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_broken_files_are_refused_in_one_line(tmp_path: Path, what: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(b"\0" * 10**6)
    document, binary = document_of(FIGURE)
    BROKEN[what](document)
    path = folder / "bad.glb"
    path.write_bytes(pack(document, binary))
    with pytest.raises(InputError, match=r"bad\.glb") as error:
        read_character(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("weight", [float("nan"), -1.0, float("inf")])
def test_weights_that_make_no_sense(tmp_path: Path, weight: float) -> None:
    document, binary = document_of(FIGURE)
    accessor = document["meshes"][0]["primitives"][0]["attributes"]["WEIGHTS_0"]
    at = document["bufferViews"][document["accessors"][accessor]["bufferView"]]["byteOffset"]
    broken = binary[:at] + np.array([weight], "<f4").tobytes() + binary[at + 4 :]
    path = tmp_path / "bad.glb"
    path.write_bytes(pack(document, broken))
    with pytest.raises(InputError, match=r"bad\.glb: damaged glTF: a mesh has numbers"):
        read_character(path)


@pytest.mark.parametrize("cut", [3, 11, 19, 300, -10])
def test_cut_files_and_wrong_magic(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "bad.glb"
    for content in (glb(FIGURE)[:cut], b"GLTF" + glb(FIGURE)[4:], b""):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"bad\.glb"):
            read_character(path)
