"""In which precision a machine multiplies fastest, found by multiplying.

A processor without units for bfloat16 computes such products a hundred times as slowly as in
float32, one with them ten times as fast. Nothing tells the two apart as surely as a product.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Mapping
from pathlib import Path

import torch

from vimoflow.errors import OutputError
from vimoflow.files import write_text
from vimoflow.installation import cache_folder
from vimoflow.training.processes import Processes
from vimoflow.training.run_options import Precision, PrecisionChoice

_ROWS, _WIDTH = 512, 128  # frames, and the width of the default network
_REPEATS = 5
_WORTH = 1.2  # times as fast before bfloat16's rounding is accepted
_TYPES: dict[Precision, torch.dtype] = {"float32": torch.float32, "bf16": torch.bfloat16}


def product_rate(device: torch.device, precision: Precision) -> float:
    """Floating-point operations a second of the fastest of some products of the network's size."""
    a = torch.randn(_ROWS, _WIDTH, device=device).to(_TYPES[precision])
    b = torch.randn(_WIDTH, _WIDTH, device=device).to(_TYPES[precision])
    best = float("inf")
    for _ in range(1 + _REPEATS):
        begun = time.perf_counter()
        torch.mm(a, b)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - begun)
    return 2 * _ROWS * _WIDTH**2 / best


def chosen(rates: Mapping[Precision, float]) -> Precision:
    """The precision to train in, from operations a second in each."""
    return "bf16" if rates["bf16"] > _WORTH * rates["float32"] else "float32"


def measured_rates(device: torch.device, folder: Path | None = None) -> dict[Precision, float]:
    """Rates of all precisions on a device; measured once a machine and kept in the user's cache.

    Args:
        device: where to multiply.
        folder: of the cache, instead of the user's.
    """
    file = (folder or cache_folder()) / "product_rates.json"
    known = _kept(file)
    key = f"{_name(device)}, torch {torch.__version__}"
    rates = known.get(key, {})
    if set(rates) == set(_TYPES):
        return {name: rates[name] for name in _TYPES}
    new = {name: product_rate(device, name) for name in _TYPES}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, json.dumps(known | {key: new}, indent=1) + "\n")
    except (OSError, OutputError):
        pass  # measured again the next time
    return new


def resolved(choice: PrecisionChoice, processes: Processes) -> Precision:
    """What was chosen, or what the first process finds fastest; the same for all of them."""
    if choice != "auto":
        return choice
    best = chosen(measured_rates(processes.device)) if processes.first else "float32"
    first = processes.from_first(torch.tensor(float(best == "bf16")))
    return "bf16" if first else "float32"


def said(rates: Mapping[Precision, float]) -> str:
    """The choice and why, for people."""
    speeds = ", ".join(f"{name} {rate / 1e9:.3g} GFLOP/s" for name, rate in rates.items())
    return f"{chosen(rates)} (products of the network's size: {speeds})"


def _kept(file: Path) -> dict[str, dict[Precision, float]]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return {str(key): {n: float(r) for n, r in rates.items()} for key, rates in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()} {platform.node()}"
