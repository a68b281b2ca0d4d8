"""A page for blind comparison: pairs of dances in random order, choices saved as JSON."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from importlib import resources
from pathlib import Path

from vimoflow.errors import InputError, OutputError
from vimoflow.pipeline.folders import all_or_nothing

_PAGE = "preview.html"


def write_preference_page(first: Path, second: Path, output: Path, seed: int = 0) -> Path:
    """``index.html`` with its previews beside it; returns its path.

    Both folders hold a folder for each song, as ``vimoflow music generate`` writes it. What is
    left and what is right, and the order of the songs, follow from the seed; the previews' names
    do not tell whose they are, and the JSON that people download does, by ``key.json``.

    Raises:
        InputError: no song is in both folders.
        OutputError: the page cannot be written.
    """
    songs = sorted(p.parent.name for p in first.glob(f"*/{_PAGE}"))
    songs = [song for song in songs if (second / song / _PAGE).is_file()]
    if not songs:
        raise InputError(f"{first} and {second}: no song has a {_PAGE} in both")
    rng = random.Random(seed)
    rng.shuffle(songs)
    pairs, key = [], {}
    try:
        with all_or_nothing(output) as folder:
            for number, song in enumerate(songs):
                sides = [("A", first), ("B", second)]
                rng.shuffle(sides)
                names = []
                for place, (side, source) in enumerate(sides):
                    secret = hashlib.sha256(f"{seed} {number} {place}".encode()).hexdigest()[:12]
                    names.append(f"{secret}.html")
                    key[names[-1]] = {"song": song, "model": side}
                    shutil.copyfile(source / song / _PAGE, folder / names[-1])
                pairs.append(names)
            template = resources.files("lab.music").joinpath("preference.html")
            page = template.read_text("utf-8").replace("{{pairs}}", json.dumps(pairs))
            (folder / "index.html").write_text(page, "utf-8")
            models = {"A": first.name, "B": second.name, "seed": seed}
            record = {"models": models, "previews": key}
            (folder / "key.json").write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    except OSError as error:
        raise OutputError(f"{output}: cannot be written ({error.strerror})") from error
    return output / "index.html"


def count_preferences(key: Path, answers: list[Path]) -> dict[str, int]:
    """How often each model was preferred: ``A``, ``B`` and ``neither``.

    Raises:
        InputError: a file is not of such a page.
    """
    wins = {"A": 0, "B": 0, "neither": 0}
    try:
        previews = json.loads(key.read_text("utf-8"))["previews"]
        for path in answers:
            for choice in json.loads(path.read_text("utf-8"))["choices"]:
                chosen = choice["chosen"]
                wins["neither" if chosen is None else previews[chosen]["model"]] += 1
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{key} and its answers do not fit ({error})") from error
    return wins
