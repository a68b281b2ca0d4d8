"""Which sequences are trained on, by name alone: the project's split and the published ones.

The project's own split is the default everywhere. The others need full corpora: with the sequences
that the project was built on they cannot be scored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from vimoflow.data.recording import Split
from vimoflow.errors import InputError

PublishedSplit = Literal["train", "validation", "test"]

GENRES = {
    "gBR": "break", "gPO": "pop", "gLO": "lock", "gMH": "middle hip-hop", "gLH": "LA hip-hop",
    "gHO": "house", "gWA": "waack", "gKR": "krump", "gJS": "street jazz", "gJB": "ballet jazz",
}  # fmt: skip
THESIS_TEST_GENRES = frozenset({"gBR", "gMH"})
AISTPP_VALIDATION = frozenset({"gJS_sBM_cAll_d03_mJS2_ch07", "gBR_sBM_cAll_d04_mBR2_ch08"})

_AIST_NAME = re.compile(
    r"(?P<genre>g[A-Z]{2})_(?P<situation>s[A-Z]{2})_(?P<camera>c\w+?)_(?P<dancer>d\d+)"
    r"_(?P<music>m[A-Z]{2}\d+)_(?P<choreography>ch\d+)"
)

# As the SMPL-X release and the SMPL-H release spell them.
AMASS_VALIDATION = frozenset({"HumanEva", "MPI_HDM05", "HDM05", "SFU", "MPI_mosh", "MoSh"})
AMASS_TEST = frozenset({"SSM_synced", "SSM", "Transitions_mocap", "Transitions"})
AMASS_TRAIN = frozenset(
    {
        "ACCAD", "BMLhandball", "BMLmovi", "BMLrub", "BioMotionLab_NTroje", "CMU", "CNRS",
        "DanceDB", "DFaust", "DFaust_67", "EKUT", "Eyes_Japan_Dataset", "GRAB", "HUMAN4D", "KIT",
        "MPI_Limits", "PosePrior", "SOMA", "TCD_handMocap", "TCDHands", "TotalCapture", "WEIZMANN",
    }
)  # fmt: skip
AMASS_SUBSETS = AMASS_TRAIN | AMASS_VALIDATION | AMASS_TEST


@dataclass(frozen=True)
class AistName:
    """What the name of an AIST sequence says, such as ``gBR_sBM_cAll_d04_mBR0_ch01``.

    Attributes:
        genre: ``gBR`` and so on, a key of ``GENRES``.
        situation: ``sBM`` basic, ``sFM`` advanced, and others of AIST.
        camera: ``cAll`` for all views together, else ``c01`` and so on.
        dancer, music, choreography: ``d04``, ``mBR0``, ``ch01``.
    """

    genre: str
    situation: str
    camera: str
    dancer: str
    music: str
    choreography: str


def parse_aist_name(name: str) -> AistName:
    """The parts of a sequence's name.

    Raises:
        InputError: not a name of AIST, or a genre it does not have.
    """
    match = _AIST_NAME.fullmatch(name)
    if match is None or match["genre"] not in GENRES:
        raise InputError(f"'{name}' is no AIST++ sequence, such as gBR_sBM_cAll_d04_mBR0_ch01")
    return AistName(**match.groupdict())


def project_split(name: str) -> Split:
    """The project's own split of AIST++, by file; the default."""
    return "validation" if name in AISTPP_VALIDATION else "train"


def thesis_genre_split(name: str) -> PublishedSplit:
    """The thesis' split (section IV, DESIGN section 5): break and middle hip-hop are test.

    Raises:
        InputError: as :func:`parse_aist_name`.
    """
    return "test" if parse_aist_name(name).genre in THESIS_TEST_GENRES else "train"


def amass_split(name: str) -> PublishedSplit:
    """The AMASS authors' usual split by data set, from the folders in a recording's name.

    Validation: HumanEva, HDM05, SFU, MoSh; test: SSM, Transitions; the rest, and what no folder
    tells, is train.
    """
    folders = set(name.split("/"))
    if folders & AMASS_TEST:
        return "test"
    return "validation" if folders & AMASS_VALIDATION else "train"
