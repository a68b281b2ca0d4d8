"""ViMo-Flow: video of a person in, 3D animation out."""

__version__ = "0.1.0"
