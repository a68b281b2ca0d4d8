"""What can be chosen by name: detectors of keypoints and formats of motions.

Names come from three places: the package itself, other installed packages, which state them as
entry points (groups ``vimoflow.detectors`` and ``vimoflow.formats``), and the user, who names a
class or function as ``package.module:Name``. Everything is imported when it is chosen, not before.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from vimoflow.errors import ConfigError


class Registry:
    """Names of one kind of thing, and where each is found.

    Args:
        kind: what is registered, for messages.
        group: the entry points' group.
        shipped: ``package.module:Name`` by name.
    """

    def __init__(self, kind: str, group: str, shipped: Mapping[str, str]) -> None:
        self.kind = kind
        self._group = group
        self._shipped = dict(shipped)

    @property
    def names(self) -> tuple[str, ...]:
        """What can be chosen without naming a class: the package's own, then the others'."""
        return tuple(self._shipped) + tuple(sorted(set(self._others()) - set(self._shipped)))

    def require(self, name: str, option: str = "") -> None:
        """Check that ``name`` can be chosen; only a class that the user names is imported for it.

        Args:
            name: one of :attr:`names`, or ``package.module:Name``.
            option: where the name was given, for the message.

        Raises:
            ConfigError: there is none of that name, or it cannot be imported.
        """
        if name in self._shipped or name in self._others():
            return
        if ":" in name:
            self.find(name, option)
            return
        raise ConfigError(
            f"{_at(option)}{name!r} is not one of {', '.join(self.names)}; "
            f"a {self.kind} of your own is named as package.module:Name"
        )

    def find(self, name: str, option: str = "") -> Any:
        """What ``name`` stands for, imported; arguments and errors as for :meth:`require`."""
        reference = self._shipped.get(name) or self._others().get(name)
        if reference is None and ":" not in name:
            self.require(name, option)
        try:
            return _imported(reference or name)
        except ConfigError:
            raise
        except Exception as error:  # whatever the other package's code does wrong
            reason = f"{type(error).__name__}: {error}"
            raise ConfigError(
                f"{_at(option)}the {self.kind} {name!r} cannot be imported ({reason})"
            ) from error

    def _others(self) -> dict[str, str]:
        return {entry.name: entry.value for entry in _installed(self._group, tuple(sys.path))}


def _at(option: str) -> str:
    return f"{option}: " if option else ""


@functools.lru_cache
def _installed(group: str, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """Entry points of a group; looked for once on the same ``path`` of imports."""
    return tuple(entry_points(group=group))


def _imported(reference: str) -> Any:
    module, _, attribute = reference.partition(":")
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        # The installed command, other than `python -m`, does not look into the current folder.
        if error.name != module.partition(".")[0] or str(Path.cwd()) in sys.path:
            raise
        sys.path.append(str(Path.cwd()))
        found = importlib.import_module(module)
    return functools.reduce(getattr, attribute.split("."), found)


DETECTORS = Registry(
    "detector",
    "vimoflow.detectors",
    {
        "mediapipe": "vimoflow.keypoints.mediapipe_pose:MediaPipeEstimator",
        "mediapipe-lite": "vimoflow.keypoints.mediapipe_pose:mediapipe_lite",
        "mediapipe-heavy": "vimoflow.keypoints.mediapipe_pose:mediapipe_heavy",
        "mediapipe-three": "vimoflow.keypoints.several_looks:ThreeLooks",
        "rtmpose": "vimoflow.keypoints.rtmlib_pose:rtmpose",
        "rtmo": "vimoflow.keypoints.rtmlib_pose:rtmo",
    },
)
"""Each makes, without arguments, a ``keypoints.estimators.KeypointEstimator``."""

FORMATS = Registry(
    "format",
    "vimoflow.formats",
    {
        "npz": "vimoflow.formats.motion_npz:save_motion_npz",
        "bvh": "vimoflow.formats.bvh_writer:write_bvh",
        "glb": "vimoflow.formats.glb:save_glb",
        "amass.npz": "vimoflow.formats.amass_npz:save_amass",
        "smpl.npz": "vimoflow.formats.amass_npz:save_smpl",
        "smplx.npz": "vimoflow.formats.amass_npz:save_smplx",
        "fbx": "vimoflow.formats.fbx_writer:write_fbx",
        "vrma": "vimoflow.formats.vrma:write_vrma",
        "usda": "vimoflow.formats.usd_writer:write_usd",
        "usdc": "vimoflow.formats.usd_writer:write_usd",
        "usdz": "vimoflow.formats.usd_writer:write_usd",
        "c3d": "vimoflow.formats.c3d:write_c3d",
        "trc": "vimoflow.formats.trc:write_trc",
        "csv": "vimoflow.formats.joint_table:write_joint_table",
        "html": "vimoflow.viewer.page:write_preview_page",
        "mp4": "vimoflow.viewer.video:write_preview_video",
    },
)
"""Each writes a ``Motion``, as ``write(motion, path)``. A name is the files' ending."""
