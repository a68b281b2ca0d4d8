"""The laboratory: what measures, fits and draws ViMo-Flow itself. Not part of the wheel."""
