"""What a checkpoint says about how it was made and under which terms it may be used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from vimoflow import __version__
from vimoflow.data.manifest import ShardEntry, bars_commercial_use
from vimoflow.training.material import Material
from vimoflow.training.recipe_files import recipe_fields
from vimoflow.training.recipes import Recipe


def provenance(
    name: str,
    recipe: Recipe,
    material: Material,
    origin: dict[str, Any] | None,
    step: int,
    seconds: float,
    device: str,
    processes: int,
) -> dict[str, Any]:
    """The record of a run, for the checkpoint's header.

    Args:
        name, recipe: what was trained.
        material: what it was trained on.
        origin: the checkpoint it started from, with its own record, or None.
        step, seconds: how long.
        device, processes: on what.
    """
    return {
        "recipe": name,
        "settings": recipe_fields(recipe),
        "started_from": origin,
        "steps": step,
        "hours": round(seconds / 3600, 3),
        "device": device,
        "processes": processes,
        "vimoflow": __version__,
        "torch": torch.__version__,
        **material.record,
    }


def terms_of(entries: Sequence[ShardEntry], origin: dict[str, Any] | None = None) -> str:
    """The terms of weights trained on these corpora, in one sentence each.

    Args:
        entries: what was trained on.
        origin: record of the checkpoint the run started from: its corpora bind, too.
    """
    licences = _inherited(origin) | {entry.corpus: entry.licence for entry in entries}
    listed = "; ".join(f"{corpus}: {licence}" for corpus, licence in sorted(licences.items()))
    commercial = not any(map(bars_commercial_use, licences.values()))
    use = (
        "No corpus bars commercial use by its licence."
        if commercial
        else "Non-commercial use only, because corpora whose terms bar other use were trained on."
    )
    return f"{use} Trained on {listed or 'motions of the user'}."


def _inherited(origin: dict[str, Any] | None) -> dict[str, str]:
    """Licences by corpus of a checkpoint and of all it was started from."""
    if not origin:
        return {}
    own = {row["corpus"]: row["licence"] for row in origin.get("data", ())}
    return _inherited(origin.get("started_from")) | own
