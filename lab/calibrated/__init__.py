"""Reference motion from calibrated cameras: calibrations of other tools, triangulation."""
