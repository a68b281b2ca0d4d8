"""Whether clips that go through a network together cost less than one after the other."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from vimoflow.diffusion.checkpoint import load_checkpoint
from vimoflow.inference.conditioning.encoding import encode_condition
from vimoflow.inference.sampling import SamplingOptions, sample_features
from vimoflow.music.dance_options import DanceOptions
from vimoflow.music.music_model import load_music_model
from vimoflow.music.sampling import dance_features

_SIZE_PX = 1000.0


@dataclass(frozen=True)
class BatchCost:
    """Processor seconds a clip at a batch size, and how far its numbers are from those alone."""

    what: str
    batch: int
    seconds: float
    farthest: float


def batch_lines(costs: Sequence[BatchCost]) -> str:
    """A Markdown table, a row a network."""
    sizes = sorted({one.batch for one in costs})
    lines = ["| clips together | " + " | ".join(map(str, sizes)) + " | farthest from alone |"]
    lines.append("|---" * (len(sizes) + 2) + "|")
    for what in dict.fromkeys(one.what for one in costs):
        own = {one.batch: one for one in costs if one.what == what}
        cells = [f"{own[size].seconds * 1e3:.0f} ms" for size in sizes]
        farthest = max(one.farthest for one in own.values())
        lines.append(f"| {what} | " + " | ".join(cells) + f" | {farthest:.0e} |")
    return "\n".join(lines)


def measure_batches(
    sizes: Sequence[int] = (1, 2, 4, 8), frames: int = 150, rounds: int = 3
) -> Iterator[BatchCost]:
    """The network alone, of video and of music, in turns; medians of processor time.

    Args:
        sizes: clips together.
        frames: of each clip.
        rounds: how often each size takes its turn.
    """
    torch.manual_seed(0)
    checkpoint, model = load_checkpoint(), load_music_model("music")
    options = SamplingOptions(refine=False)
    points = torch.rand(max(sizes), frames, 17, 3) * torch.tensor([_SIZE_PX, _SIZE_PX, 1.0])
    condition = encode_condition(points, torch.full((max(sizes),), _SIZE_PX))
    music = torch.rand(frames, model.channels)

    def video(count: int) -> torch.Tensor:
        return sample_features(checkpoint, condition.map(lambda x: x[:count]), options)

    def dance(count: int) -> torch.Tensor:
        return dance_features(model, music, dataclasses.replace(DanceOptions(), steps=5), count)

    yield from _costs("video, one pass", video, sizes, rounds)
    yield from _costs("music, five steps with guidance", dance, sizes, rounds)


def _costs(
    what: str, run: Callable[[int], torch.Tensor], sizes: Sequence[int], rounds: int
) -> Iterator[BatchCost]:
    alone = run(1)
    spent: dict[int, list[float]] = {size: [] for size in sizes}
    farthest = dict.fromkeys(sizes, 0.0)
    for _ in range(rounds):
        for size in sizes:
            begun = time.process_time()
            made = run(size)
            spent[size].append((time.process_time() - begun) / size)
            farthest[size] = max(farthest[size], float((made[:1] - alone).abs().max()))
    for size in sizes:
        yield BatchCost(what, size, statistics.median(spent[size]), farthest[size])
