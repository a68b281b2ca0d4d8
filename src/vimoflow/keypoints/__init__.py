"""2D keypoints: the value, the detectors that make it, the files that hold it."""
