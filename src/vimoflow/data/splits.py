"""Which sequences are trained on, by name alone: the project's split and the published ones.

The project's own split is the default everywhere. The others need full corpora: with the sequences
that the project was built on they cannot be scored.
"""

from __future__ import annotations

from typing import Literal

from vimoflow.data.recording import Split

PublishedSplit = Literal["train", "validation", "test"]

AISTPP_VALIDATION = frozenset({"gJS_sBM_cAll_d03_mJS2_ch07", "gBR_sBM_cAll_d04_mBR2_ch08"})

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


def project_split(name: str) -> Split:
    """The project's own split of AIST++, by file; the default."""
    return "validation" if name in AISTPP_VALIDATION else "train"


def amass_split(name: str) -> PublishedSplit:
    """The AMASS authors' usual split by data set, from the folders in a recording's name.

    Validation: HumanEva, HDM05, SFU, MoSh; test: SSM, Transitions; the rest, and what no folder
    names, is train.
    """
    folders = set(name.split("/"))
    if folders & AMASS_TEST:
        return "test"
    return "validation" if folders & AMASS_VALIDATION else "train"
