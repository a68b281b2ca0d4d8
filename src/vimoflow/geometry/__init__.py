"""Pure functions on rotations, cameras and signals. Any leading batch shape."""
