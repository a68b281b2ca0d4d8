"""The corpora that can be prepared: where they come from, their terms, their readers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vimoflow.data.recording import Recording
from vimoflow.data.sources import aistpp, bvh_corpora, other_corpora, tang2018


@dataclass(frozen=True)
class Corpus:
    """One corpus and how to read it.

    Attributes:
        list_files: the files of a folder, one recording each.
        read_file: one file to a recording; a pure function, run in several processes.
        licence: terms of the data, repeated in the model card.
        source: who made it.
    """

    list_files: Callable[[Path], list[Path]]
    read_file: Callable[[Path], Recording]
    licence: str
    source: str


CORPORA = {
    "aistpp": Corpus(
        aistpp.list_aistpp, aistpp.read_aistpp_file, "CC BY 4.0", "AIST++, Google LLC (Li 2021)"
    ),
    "tang2018": Corpus(
        tang2018.list_tang2018,
        tang2018.read_tang2018_file,
        "none stated by the authors; published with an MIT-licensed repository",
        "Tang, Mao and Jia 2018, Dance with Melody",
    ),
    "bandai-namco": Corpus(
        bvh_corpora.list_bandai_namco,
        bvh_corpora.read_bandai_namco_file,
        "CC BY-NC 4.0",
        "Bandai-Namco-Research-Motiondataset 1 and 2, Bandai Namco Research Inc.",
    ),
    "cmu-dance": Corpus(
        bvh_corpora.list_cmu_dance,
        bvh_corpora.read_cmu_dance_file,
        "free for research and commercial use",
        "CMU Graphics Lab Motion Capture Database, subjects 05, 60, 61",
    ),
    "hdm05": Corpus(
        other_corpora.list_hdm05,
        other_corpora.read_hdm05_file,
        "CC BY-SA 3.0",
        "HDM05, Universität Bonn (Müller 2007)",
    ),
    "unihsi": Corpus(
        other_corpora.list_unihsi,
        other_corpora.read_unihsi_file,
        "CC BY-NC-SA 4.0",
        "clips of SAMP and CIRCLE as retargeted for UniHSI (Xiao 2024)",
    ),
    "deepmimic": Corpus(
        other_corpora.list_deepmimic,
        other_corpora.read_deepmimic_file,
        "MIT",
        "DeepMimic (Peng 2018)",
    ),
    "mass": Corpus(
        bvh_corpora.list_mass, bvh_corpora.read_mass_file, "Apache-2.0", "MASS (Lee 2019)"
    ),
    "karate": Corpus(
        bvh_corpora.list_karate,
        bvh_corpora.read_karate_file,
        "none stated: validation only, never trained on",
        "karate techniques of three athletes",
    ),
}
