"""Which sequences are trained on, by name alone: as AMASS' authors publish, or a tenth held out."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
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


_HELD_OUT = 0.1
_FEWEST_KINDS = 5
_TAKE = re.compile(r"([\W\d_]|mirror(ed)?|take)+$", re.IGNORECASE)


def held_out(names: Sequence[str]) -> frozenset[str]:
    """The recordings of one's own that are not trained on: a tenth, at least one of several.

    Names that differ by the take alone, such as ``walk_01`` and ``walk_02_mirror``, stay together
    where there are kinds enough. The draw depends on the names only, not on their order.
    """
    kinds: dict[str, set[str]] = defaultdict(set)
    for name in names:
        kinds[_TAKE.sub("", name)].add(name)
    groups = list(kinds.values()) if len(kinds) >= _FEWEST_KINDS else [{name} for name in {*names}]
    groups.sort(key=lambda group: hashlib.sha256(min(group).encode()).digest())
    chosen: set[str] = set()
    for group in groups[:-1]:
        if len(chosen) >= _HELD_OUT * len({*names}):
            break
        chosen |= group
    return frozenset(chosen)
