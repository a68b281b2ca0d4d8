"""Skeletons of other makers: their joints, and the axes of their joints."""
