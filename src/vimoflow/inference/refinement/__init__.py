"""Bring sampled motions closer to what the cameras saw, and their feet to rest."""

from vimoflow.inference.refinement.evidence import Evidence
from vimoflow.inference.refinement.fitting import Refined, RefinementSettings, refine

__all__ = ["Evidence", "Refined", "RefinementSettings", "refine"]
