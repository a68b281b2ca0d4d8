"""A motion for other people's simulators."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vimoflow.files import output_errors, write_bytes
from vimoflow.formats.amass_npz import save_smplx
from vimoflow.formats.npz_writer import write_npz
from vimoflow.geometry.rotations import matrix_to_axis_angle, matrix_to_quaternion
from vimoflow.motion.clip import Motion
from vimoflow.motion.clip_resampling import at_even_times
from vimoflow.motion.contacts import label_contacts
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.motion.skeleton import CONTACT_JOINTS, JOINT_NAMES, PARENTS, joint
from vimoflow.physics.anthropometry import limb_after_limb, segments
from vimoflow.physics.humanoid import make_humanoid
from vimoflow.physics.states import UP, require_physical, states_of

# The bodies of ProtoMotions' smpl_humanoid.xml: x ahead, y left, z up where SMPL's have z, x, y.
_R_SMPL_PROTO = np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])


def write_mujoco(motion: Motion, path: Path) -> None:
    """``qpos`` and ``qvel`` of the body of ``physics model``, which is in the file as ``xml``.

    With them ``times`` and ``fps``, and ``joint_names``, a ball joint each, after the root's seven
    numbers. The world has z up; quaternions w first; the root's turning velocity is in its own
    frame, as MuJoCo has it.

    Raises:
        InputError: as ``require_physical``.
        OutputError: the file cannot be written.
    """
    humanoid, states = make_humanoid(motion.skeleton), states_of(motion, cutoff_hz=0.0)
    write_npz(
        path,
        {
            "qpos": states.qpos, "qvel": states.qvel, "times": states.times,
            "fps": np.array(1 / states.times[1]), "xml": np.array(humanoid.xml),
            "joint_names": np.array([*segments()][1:]),
        },
    )  # fmt: skip


def write_protomotions(motion: Motion, path: Path) -> None:
    """A ``.motion`` of ProtoMotions 3 for its SMPL humanoid: the fields of its ``RobotState``.

    By ``data/scripts/convert_amass_to_proto.py``, ``protomotions/components/motion_lib.py`` and
    ``pose_lib.py`` of NVlabs/ProtoMotions (2025): a dictionary that ``torch.load`` reads, of 24
    bodies, limb after limb; z up, quaternions w last, angular velocities by the next frame in the
    frame above, ``dof_pos`` rotation vectors. Places are this skeleton's, not SMPL's mean body's.

    Raises:
        InputError: as ``require_physical``.
        OutputError: the file cannot be written.
    """
    require_physical(motion)
    motion = at_even_times(motion)
    order = [JOINT_NAMES.index(name) for name in limb_after_limb()]
    above = torch.tensor([order.index(PARENTS[at]) if PARENTS[at] >= 0 else 0 for at in order])
    root = torch.from_numpy(motion.trans).double()
    R, joints = forward_kinematics(torch.from_numpy(motion.local_rotations), root, motion.skeleton)
    R = torch.from_numpy(UP) @ R[:, order] @ torch.from_numpy(_R_SMPL_PROTO)
    places = joints[:, order] @ torch.from_numpy(UP).T
    local = torch.cat((R[:, :1], R[:, above[1:]].transpose(-1, -2) @ R[:, 1:]), dim=1)
    contacts = torch.zeros(places.shape[:2], dtype=torch.bool)
    at = [order.index(joint(name)) for name in CONTACT_JOINTS]
    contacts[:, at] = label_contacts(joints / motion.skeleton.scale, motion.fps) > 0.5
    fields = {
        "rigid_body_pos": places,
        "rigid_body_rot": matrix_to_quaternion(R),
        "rigid_body_vel": torch.gradient(places, dim=0)[0] * motion.fps,
        "rigid_body_ang_vel": _turning(R, motion.fps),
        "dof_pos": matrix_to_axis_angle(local[:, 1:]).flatten(1),
        "dof_vel": _turning(local[:, 1:], motion.fps).flatten(1),
        "local_rigid_body_rot": matrix_to_quaternion(local),
    }
    document = {name: values.float().contiguous() for name, values in fields.items()}
    buffer = io.BytesIO()
    torch.save(document | {"rigid_body_contacts": contacts, "fps": float(motion.fps)}, buffer)
    with output_errors(path):
        write_bytes(path, buffer.getvalue())


def write_gmr(motion: Motion, path: Path) -> None:
    """What GMR's ``scripts/smplx_to_robot.py`` puts onto robots: AMASS' SMPL-X layout.

    Its ``load_smplx_file`` (YanjieZe/GMR, 2025) asks ``pose_body``, ``root_orient``, ``trans``,
    ``betas``, ``gender`` and ``mocap_frame_rate``, z up.

    Raises:
        OutputError: the file cannot be written.
    """
    save_smplx(motion, path)


EXPORTS: dict[str, Callable[[Motion, Path], None]] = {
    "mujoco": write_mujoco,
    "protomotions": write_protomotions,
    "gmr": write_gmr,
}


def _turning(R: Tensor, fps: float) -> Tensor:
    """Angular velocities (frames, bodies, 3) from each frame to the next; the last one's twice."""
    turns = matrix_to_axis_angle(R[1:] @ R[:-1].transpose(-1, -2)) * fps
    return torch.cat((turns, turns[-1:]))
