"""The public corpora that can be prepared: where they come from, their terms, their readers.

``python -m lab prepare`` knows them beside the formats that ``vimoflow data prepare`` reads.
"""

from __future__ import annotations

from pathlib import Path

from lab.corpora import (
    aistpp,
    aistpp_2d,
    bvh_corpora,
    climb,
    keypoints_only,
    other_corpora,
    tang2018,
)
from vimoflow.data.corpora import CORPORA, Corpus


def _aistpp_companions(path: Path) -> list[Path]:
    root = path.parents[1]
    beside = [root / folder / path.name for folder in ("keypoints2d", "keypoints3d")]
    return [*beside, *sorted((root / "cameras").glob("*")), *sorted(root.rglob("ignore_list.txt"))]


def _aistpp_2d_companions(path: Path) -> list[Path]:
    return sorted(aistpp_2d.cameras_beside(path.parent).glob("*"))


def _hdm05_companions(path: Path) -> list[Path]:
    return sorted(path.parent.glob("*.[aA][sS][fF]"))


PUBLIC = {
    "aistpp": Corpus(
        aistpp.list_aistpp,
        aistpp.read_aistpp_file,
        "CC BY 4.0",
        "AIST++, Google LLC (Li 2021)",
        commercial=True,
        companions=_aistpp_companions,
    ),
    aistpp_2d.NAME: Corpus(
        keypoints_only.list_aistpp_kp2d,
        aistpp_2d.read_aistpp_2d_file,
        "CC BY 4.0",
        "AIST++, Google LLC (Li 2021), motions fitted to its 2D detections",
        commercial=True,
        companions=_aistpp_2d_companions,
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
        commercial=True,
    ),
    "cmu-more": Corpus(
        bvh_corpora.list_cmu_more,
        bvh_corpora.read_cmu_more_file,
        "free for research and commercial use",
        "CMU Graphics Lab Motion Capture Database, everyday actions and sports, thinned to 30 fps",
        commercial=True,
    ),
    "lafan1": Corpus(
        bvh_corpora.list_lafan1,
        bvh_corpora.read_lafan1_file,
        "CC BY-NC-ND 4.0",
        "LaFAN1, Ubisoft La Forge (Harvey 2020)",
    ),
    "idle": Corpus(
        bvh_corpora.list_idle,
        bvh_corpora.read_idle_file,
        "MIT",
        "ReActIdle, acted and genuine idling (RSAIT 2025)",
        commercial=True,
    ),
    "climb": Corpus(
        climb.list_climb,
        climb.read_climb_file,
        "Apache-2.0",
        "climbing over boxes, demonstrations of holosoma (Amazon FAR)",
        commercial=True,
    ),
    "hdm05": Corpus(
        other_corpora.list_hdm05,
        other_corpora.read_hdm05_file,
        "CC BY-SA 3.0",
        "HDM05, Universität Bonn (Müller 2007)",
        commercial=True,
        share_alike=True,
        companions=_hdm05_companions,
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
        commercial=True,
    ),
    "mass": Corpus(
        bvh_corpora.list_mass,
        bvh_corpora.read_mass_file,
        "Apache-2.0",
        "MASS (Lee 2019)",
        commercial=True,
    ),
    "karate": Corpus(
        bvh_corpora.list_karate,
        bvh_corpora.read_karate_file,
        "none stated: validation only, never trained on",
        "karate techniques of three athletes",
    ),
}
ALL = PUBLIC | CORPORA
