"""What can be chosen by name, apart from the code that does it, so that options need no PyTorch."""

from __future__ import annotations

from typing import Literal

Sampler = Literal["auto", "one-pass", "ddim", "ddpm", "mean"]
"""See ``sampling.SamplingOptions``."""

Aggregation = Literal["mean", "learned", "best"]
"""How several views are weighted, see ``multiview.sample_views``."""
