"""What AIST++'s names say, and which sequences are trained on: the project's split, the thesis'.

The project's own split is the default everywhere. The thesis' needs the full corpus: with the
sequences that the project was built on it cannot be scored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from vimoflow.data.recording import Split
from vimoflow.data.splits import PublishedSplit
from vimoflow.errors import InputError

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
