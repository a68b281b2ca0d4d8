"""The data set card: README.md, which Hugging Face's tools read, and its plot."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vimoflow.data.recording import Split
from vimoflow.factory.gates import GATES
from vimoflow.factory.selection import ClipEntry, Selection
from vimoflow.factory.settings import BuildSettings
from vimoflow.files import write_bytes, write_text

PLOT = "distributions.png"
_SPLITS: tuple[Split, ...] = ("train", "validation")
_SHOWN = (
    ("spread_mm", "spread of the samples, mm"),
    ("reprojection_percent", "distance to keypoints, % of height"),
    ("speed_mps", "fastest joint, m/s"),
    ("jerk", "jerk, m/s³"),
    ("foot_slide_mm", "foot slide, mm a frame"),
    ("person_px", "height in the picture, px"),
)
_LIMITS = """## Known limits

- The motions are estimates of a model from one view, not measurements. `spread_mm` says how far
  its samples lie apart; the other figures are checks that need no truth.
- Hands and face are not animated; bodies have one size; the floor is flat.
- One person a shot: the one whom the detector follows.
- The videos are not part of this data set, only small pictures of them. Whoever built it answers
  for the right to use them, and for the people they show.
"""


def write_card(selection: Selection, settings: BuildSettings, terms: str, folder: Path) -> None:
    """Write ``README.md`` and its plot."""
    write_bytes(folder / PLOT, _plot(selection.accepted))
    write_text(folder / "README.md", _card(selection, settings, terms))


def _card(selection: Selection, settings: BuildSettings, terms: str) -> str:
    present = [name for name in _SPLITS if selection.split(name)]
    configs = "".join(f"  - split: {name}\n    path: data/{name}-*.parquet\n" for name in present)
    head = (
        f"---\nconfigs:\n- config_name: default\n  data_files:\n{configs}---\n" if present else ""
    )
    return "\n".join(
        (
            head + "# Motion data set",
            "",
            "3D motions of people in videos, made by `vimoflow data build`. Browse it in",
            "`index.html`; `manifest.json` says from what and how each clip was made;",
            "`rejected.csv` lists what the gates kept out.",
            "",
            "    datasets.load_dataset(FOLDER)            # data/*.parquet",
            "    numpy.load('amass/ID.npz')               # AMASS' fields, +Z up",
            "",
            "## Counts",
            "",
            _counts(selection, settings),
            "",
            "## Labels and licences",
            "",
            _table(("label", "licence", "videos", "clips"), _licences(selection)),
            "",
            f"Terms of the weights that made the motions: {terms or 'not stated'}",
            "",
            "## Figures of the clips",
            "",
            f"![Distributions]({PLOT})",
            "",
            "## Kept out",
            "",
            _table(("gate", "clips"), _gate_counts(selection)),
            "",
            "A clip counts at each gate that it did not pass.",
            "",
            _LIMITS,
        )
    )


def _counts(selection: Selection, settings: BuildSettings) -> str:
    rows = []
    for name in _SPLITS:
        clips = selection.split(name)
        videos = len({clip.video.source.content for clip in clips})
        hours = len(clips) * settings.seconds / 3600
        rows.append((name, str(videos), str(len(clips)), f"{hours:.3f}"))
    failed = sum(bool(entry.record.error) for entry in selection.videos)
    copies = sum(bool(entry.duplicate_of) for entry in selection.videos)
    return (
        _table(("split", "videos", "clips", "hours"), rows)
        + f"\n\n{len(selection.videos)} videos were given; {failed} could not be used, {copies} "
        f"show the same as another. Clips last {settings.seconds:g} s at 30 Hz; "
        "splits are by video."
    )


def _licences(selection: Selection) -> list[tuple[str, ...]]:
    clips: Counter[tuple[str, str]] = Counter()
    videos: dict[tuple[str, str], set[str]] = {}
    for clip in selection.accepted:
        source = clip.video.source
        key = (source.label or "-", source.licence or "not stated")
        clips[key] += 1
        videos.setdefault(key, set()).add(source.content)
    return [(*key, str(len(videos[key])), str(clips[key])) for key in sorted(clips)]


def _gate_counts(selection: Selection) -> list[tuple[str, ...]]:
    counts = Counter(r.gate for clip in selection.rejected for r in clip.rejections)
    return [(gate, str(counts[gate])) for gate in GATES]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    return "\n".join((line(head), line(["---"] * len(head)), *map(line, rows)))


def _plot(clips: Sequence[ClipEntry]) -> bytes:
    """Histograms of the figures; equal clips give equal bytes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    for number, (name, title) in enumerate(_SHOWN, 1):
        axes = figure.add_subplot(2, 3, number)
        found = [getattr(clip.record.figures, name) for clip in clips]
        values = np.array([v for v in found if v is not None], dtype=float)
        if len(values):
            axes.hist(values, bins=24, color="#4c78a8")
        axes.set_title(title, fontsize=9)
        axes.tick_params(labelsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return buffer.getvalue()
