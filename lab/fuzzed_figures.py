"""Rigged figures for the fuzzer: a valid one, and its JSON with values that do not belong there."""

from __future__ import annotations

import copy
import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vimoflow.characters.gltf_file import write_glb
from vimoflow.formats.glb import save_glb
from vimoflow.motion.clip import Motion


def figures(motion: Motion) -> tuple[bytes, ...]:
    """The mannequin as GLB."""
    with tempfile.TemporaryDirectory() as folder:
        save_glb(motion, Path(folder) / "figure.glb")
        return ((Path(folder) / "figure.glb").read_bytes(),)


def glb_writer(seeds: tuple[bytes, ...]) -> Callable[[random.Random], bytes]:
    """GLB files whose JSON has values that do not belong where they are."""
    length = int.from_bytes(seeds[0][12:16], "little")
    text, binary = seeds[0][20 : 20 + length], seeds[0][28 + length :]
    values: tuple[Any, ...] = (None, True, "x", -1, 0, 3, 10**12, 1e300, float("nan"), [], {},
                               [0], [-1], {"a": 1}, "../a.bin", "data:,", [1e9] * 16)  # fmt: skip

    def places(value: Any) -> list[tuple[Any, Any]]:
        keys = value if isinstance(value, dict) else range(len(value))
        found = [(value, key) for key in keys]
        inner = [value[key] for key in keys if isinstance(value[key], dict | list)]
        return found + [place for one in inner for place in places(one)]

    def write(rng: random.Random) -> bytes:
        document = json.loads(text)
        for _ in range(rng.choice((1, 1, 2, 5))):
            holder, key = rng.choice(places(document) or [({}, "a")])
            holder[key] = copy.deepcopy(rng.choice(values))  # or one list is everywhere
        return write_glb(document, binary)

    return write
