"""What can be prepared: the readers of formats that hold motion corpora.

Readers of the public corpora, each with its terms, are ``lab.corpora``'s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vimoflow.data.manifest import NOT_STATED
from vimoflow.data.recording import Recording
from vimoflow.data.rig_maps import load_rig_map
from vimoflow.data.sources import amass, built, bvh
from vimoflow.formats.motion_units import Up


def _no_companions(_: Path) -> list[Path]:
    return []


@dataclass(frozen=True)
class Corpus:
    """One corpus and how to read it.

    Attributes:
        list_files: the files of a folder, one recording each.
        read_file: one file to a recording; a pure function, run in several processes.
        licence: terms of the data, repeated in the model card.
        source: who made it.
        commercial: whether the terms allow commercial use.
        share_alike: whether what is made of it must be shared on the same terms.
        companions: other files that the reader of a file looks at.
        generic: a format rather than a corpus: the user says what it is and under which terms.
    """

    list_files: Callable[[Path], list[Path]]
    read_file: Callable[[Path], Recording]
    licence: str
    source: str
    commercial: bool = False
    share_alike: bool = False
    companions: Callable[[Path], list[Path]] = _no_companions
    generic: bool = False


def bvh_reader(
    rig: str | None, fps: float | None, up: Up | None = None, unit: float | None = None
) -> Callable[[Path], Recording]:
    """The reader of any BVH, given the rig (a name or a TOML file), the rate, the axis that is up
    and the metres in a unit.

    Raises:
        InputError, ConfigError: no such map, or a bad one.
    """
    known = None if rig is None else load_rig_map(rig)
    return partial(bvh.read_bvh_file, rig=known, fps=fps, up=up, unit=unit)


CORPORA = {
    "amass": Corpus(
        amass.list_amass,
        amass.read_amass_file,
        NOT_STATED,
        "AMASS (Mahmood 2019) or other SMPL npz, as the user says",
        generic=True,
    ),
    built.NAME: Corpus(
        built.list_built,
        built.read_built_file,
        NOT_STATED,
        "motions of videos by `vimoflow data build`; its manifest names them and their terms",
        companions=built.files_beside,
        generic=True,
    ),
    "bvh": Corpus(
        bvh.list_bvh, bvh.read_bvh_file, NOT_STATED, "BVH files of the user", generic=True
    ),
}
