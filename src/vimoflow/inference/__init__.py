"""From what cameras saw to a motion: condition, windows sampled, refinement, several views."""
