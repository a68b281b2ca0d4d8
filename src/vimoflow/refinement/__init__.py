"""Bring sampled motions closer to what the cameras saw, and their feet to rest."""

from vimoflow.refinement.evidence import Evidence
from vimoflow.refinement.fitting import Refined, RefinementSettings, refine

__all__ = ["Evidence", "Refined", "RefinementSettings", "refine"]
