"""Motion and the laws of physics, by MuJoCo: a body, a report, and clean-up in simulation."""
