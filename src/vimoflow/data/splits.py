"""Which sequences are trained on, by name alone: the split that AMASS' authors publish."""

from __future__ import annotations

from typing import Literal

PublishedSplit = Literal["train", "validation", "test"]

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


def amass_split(name: str) -> PublishedSplit:
    """The AMASS authors' usual split by data set, from the folders in a recording's name.

    Validation: HumanEva, HDM05, SFU, MoSh; test: SSM, Transitions; the rest, and what no folder
    names, is train.
    """
    folders = set(name.split("/"))
    if folders & AMASS_TEST:
        return "test"
    return "validation" if folders & AMASS_VALIDATION else "train"
