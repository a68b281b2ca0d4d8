"""Valid files of corpora, calibrations, recipes and models, for the fuzzer to spoil."""

from __future__ import annotations

import io
import json
import pickle
import tempfile
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from scipy.spatial.transform import Rotation

from lab.fuzzed_files import npz_bytes
from vimoflow.diffusion.checkpoint import Checkpoint, Normalization, save_checkpoint
from vimoflow.diffusion.denoiser import Denoiser, DenoiserConfig
from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.motion.skeleton import JOINT_NAMES, PARENTS, load_skeleton

_AUTODESK = dict(
    zip(
        ("collar", "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "foot"),
        ("Shoulder", "Arm", "ForeArm", "Hand", "UpLeg", "Leg", "Foot", "Toe"),
        strict=True,
    )
)
_TRUNK = dict(
    pelvis="Hips", spine1="Spine", spine2="Spine1", spine3="Spine2", neck="Neck", head="Head"
)
ASF = """:units
  mass 1.0
  length 0.45
  angle deg
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 0
   orientation 0 0 0
:bonedata
  begin
     id 1
     name lfemur
     direction 0.6 -0.8 0
     length 7.0
     axis 10 -20 30  XYZ
    dof rx ry rz
    limits (-160.0 20.0)
           (-70.0 70.0)
           (-60.0 70.0)
  end
  begin
     id 2
     name lowerback
     direction 0 1 0
     length 2
     axis 0 0 0 XYZ
  end
:hierarchy
  begin
    root lfemur lowerback
  end
"""
_AMC = ":FULLY-SPECIFIED\n:DEGREES\n" + "".join(
    f"{number}\nroot 1 17 -2 10 100 -50\nlfemur 30 -40 80\n" for number in (1, 2, 3)
)
_RIG_MAP = """description = "a rig"
metres_per_unit = 0.01
[joints]
pelvis = { name = "Hips", left = [0, 0, 1], up = [1, 0, 0] }
chest = { name = "Spine2", left = [0, 0, 1], up = [1, 0, 0] }
head = { name = "Head", left = [0, 0, 1], up = [1, 0, 0] }
"""
_RECIPE = """base = "small"
[model]
width = 32
[losses]
projection = 0.5
"""
_BENCHMARK = """name = "mine"
seeds = [0, 1]
[[clips]]
corpus = "aistpp"
source = "detections"
limit = 3
"""
_OPENCV = """%YAML:1.0
---
K_a: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: [ 1000., 0., 500., 0., 1000., 300., 0., 0., 1. ]
dist_a: !!opencv-matrix
   rows: 4
   cols: 1
   dt: d
   data: [ 0., 0., 0., 0. ]
R_a: !!opencv-matrix
   rows: 3
   cols: 1
   dt: d
   data: [ 0., 0.1, 0. ]
T_a: !!opencv-matrix
   rows: 3
   cols: 1
   dt: d
   data: [ 0., 0., 4. ]
"""


def rig_files() -> tuple[bytes, ...]:
    """People as BVH: under several names, of one frame and of twelve, with rows too many or too
    few, clocks that stand still, odd units, and bones along X, whose axes only motion tells."""
    maker = {part: part for part in JOINT_NAMES} | _TRUNK
    for side in ("left", "right"):
        maker |= {f"{side}_{part}": side.title() + name for part, name in _AUTODESK.items()}
    unreal = {part: f"fig_{number}" for number, part in enumerate(JOINT_NAMES)}
    plain = _person_bvh(maker, 4)
    rows = plain.rpartition("Frame Time: 0.0333333\n")[2]
    found = [
        plain, _person_bvh(maker, 1), _person_bvh(maker, 12, along_x=True),
        _person_bvh(maker, 1, along_x=True), _person_bvh({n: n for n in JOINT_NAMES}, 2),
        _person_bvh({k: f"mixamorig:{v}" for k, v in maker.items()}, 2, units=1.0),
        _person_bvh(unreal, 2), _person_bvh(maker, 3, units=164.5 / 0.9),
        plain.replace("0.0333333", "0"), plain.replace("0.0333333", "1.000000"),
        plain.rstrip().rpartition("\n")[0] + "\n", plain + rows.partition("\n")[0] + "\n",
    ]  # fmt: skip
    return tuple(text.encode() for text in found)


def _person_bvh(
    names: Mapping[str, str], frames: int, along_x: bool = False, units: float = 100.0
) -> str:
    rng = np.random.default_rng(0)
    offsets = load_skeleton().offsets
    below = [[c for c, p in enumerate(PARENTS) if p == j] for j in range(len(PARENTS))]
    bones = [offsets[b[0]] if b else np.array([1.0, 0, 0]) for b in below]
    local = [
        Rotation.align_vectors([bone], [[1.0, 0, 0]])[0] if along_x else Rotation.identity()
        for bone in bones
    ]
    columns = [np.tile([0.0, 0.9 * units, 0.0], (frames, 1)) + np.arange(frames)[:, None]]

    def lines(j: int) -> list[str]:
        above = local[PARENTS[j]] if PARENTS[j] >= 0 else Rotation.identity()
        turns = Rotation.from_rotvec(0.3 * rng.normal(size=(frames, 3)))
        columns.append((above.inv() * turns * local[j]).as_euler("ZXY", degrees=True))
        x, y, z = above.inv().apply(offsets[j] if PARENTS[j] >= 0 else np.zeros(3)) * units
        moves = "6 Xposition Yposition Zposition" if PARENTS[j] < 0 else "3"
        return [
            f"{'JOINT' if PARENTS[j] >= 0 else 'ROOT'} {names[JOINT_NAMES[j]]}", "{",
            f"OFFSET {x:.3f} {y:.3f} {z:.3f}",
            f"CHANNELS {moves} Zrotation Xrotation Yrotation",
            *(line for child in below[j] for line in lines(child)),
            *(["End Site", "{", "OFFSET 1 0 0", "}"] if not below[j] else []), "}",
        ]  # fmt: skip

    tree = "\n".join(["HIERARCHY", *lines(0), "MOTION", f"Frames: {frames}"])
    rows = [" ".join(f"{v:.2f}" for v in row) for row in np.concatenate(columns, axis=1)]
    return "\n".join([tree, "Frame Time: 0.0333333", *rows]) + "\n"


def corpus_texts() -> tuple[bytes, ...]:
    """ASF, AMC, DeepMimic clips, AIST++ cameras, names, lists and tables of videos."""
    quaternion = [1.0, 0.0, 0.0, 0.0]
    pose = [0.0, 0.9, 0.0, *quaternion * 4, 0.1, *quaternion * 2, 0.1, *quaternion]
    pose += [0.1, *quaternion, *quaternion, 0.1]
    deepmimic = {"Loop": "none", "Frames": [[0.033, *(pose * 2)[:43]]] * 3}
    table = "video,label,licence,source,split\nfuzz.csv,a,CC0,x,train\n"
    texts = [ASF, _AMC, json.dumps(deepmimic), json.dumps(_views()), "a b\nc d\n", table]
    return tuple(text.encode() for text in texts)


def _views() -> list[dict[str, Any]]:
    return [
        {
            "name": name, "matrix": [[1000.0, 0, 500], [0, 1000, 300], [0, 0, 1]],
            "distortions": [0.0] * 5, "rotation": [0.0, turn, 0.0], "translation": [0.0, 0.0, 4],
            "size": [1000, 600],
        }
        for name, turn in (("c01", 0.0), ("c02", 1.0))
    ]  # fmt: skip


def settings() -> tuple[bytes, ...]:
    """TOML: a rig, a recipe, a benchmark, a calibration."""
    tables = [
        f"[{view.pop('name')}]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in view.items())
        for view in _views()
    ]
    return tuple(text.encode() for text in (_RIG_MAP, _RECIPE, _BENCHMARK, "\n".join(tables)))


def opencv_cameras() -> tuple[bytes, ...]:
    """Two cameras as OpenCV writes YAML."""
    return ((_OPENCV + _OPENCV.partition("---\n")[2].replace("_a:", "_b:")).encode(),)


def array_files() -> tuple[bytes, ...]:
    """A poselib motion, a climb's points, a dance of Tang2018."""
    R = np.tile(np.array([0.0, 0, 0, 1], np.float32), (4, 3, 1))
    poselib = npz_bytes(
        local_rotations_xyzw=R, root_translation=np.zeros((4, 3), np.float32),
        parents=np.array([-1, 0, 1]), offsets=np.eye(3, dtype=np.float32),
        joint_names=np.array(["pelvis", "torso", "head"]), fps=np.float32(30),
    )  # fmt: skip
    stream = io.BytesIO()
    np.save(stream, np.random.default_rng(0).normal(size=(3, 53, 3)))
    dance = npz_bytes(poses=np.zeros((4, 72)), trans=np.zeros((4, 3)), fps=30.0)
    return poselib, stream.getvalue(), dance


def model_files() -> tuple[bytes, ...]:
    """A very small checkpoint."""
    config = DenoiserConfig(width=16, heads=2, blocks=1, film_version=2)
    scale = Normalization(torch.zeros(151), torch.ones(151))
    model = Checkpoint("a", Denoiser(config), scale, NoiseSchedule(), "Free.", {"recipe": "a"})
    with tempfile.TemporaryDirectory() as folder:
        save_checkpoint(model, Path(folder) / "a.safetensors")
        return ((Path(folder) / "a.safetensors").read_bytes(),)


def sounds() -> tuple[bytes, ...]:
    """A tenth of a second of noise as WAV."""
    stream = io.BytesIO()
    with wave.open(stream, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(np.random.default_rng(0).integers(-9000, 9000, 800, np.int16).tobytes())
    return (stream.getvalue(),)


def images() -> tuple[bytes, ...]:
    """One small picture in three kinds."""
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (24, 32, 3), np.uint8))
    found = []
    for kind in ("png", "jpeg", "bmp"):
        stream = io.BytesIO()
        picture.save(stream, kind)
        found.append(stream.getvalue())
    return tuple(found)


def smpl_pickles() -> tuple[bytes, ...]:
    """SMPL motions as tools pickle them, in two protocols."""
    rng = np.random.default_rng(0)
    plain = {"poses": rng.normal(size=(2, 72)), "trans": rng.normal(size=(2, 3)), "fps": 30}
    parts = {"global_orient": rng.normal(size=(2, 3)), "body_pose": rng.normal(size=(2, 69))}
    return pickle.dumps(plain, 2), pickle.dumps(
        {"smpl": parts | {"transl": rng.normal(size=(2, 3))}}
    )
