"""Questions beyond one benchmark: robustness, calibration, completion, several views."""
