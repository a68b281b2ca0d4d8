"""From 2D keypoints to features: the checkpoint sampled over windows of any number."""

from vimoflow.inference.sampling.condition_to_features import refined_features, sample_features
from vimoflow.inference.sampling.finishing import features_to_motion, finished_motion, pieces
from vimoflow.inference.sampling.joining import merge_windows, orthonormal, split_windows
from vimoflow.inference.sampling.sampling_options import SamplingOptions
from vimoflow.inference.sampling.shots import Shot, sample_shots

__all__ = [
    "SamplingOptions", "Shot", "features_to_motion", "finished_motion", "merge_windows",
    "orthonormal", "pieces", "refined_features", "sample_features", "sample_shots",
    "split_windows",
]  # fmt: skip
