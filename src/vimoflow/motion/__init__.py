"""The 24-joint skeleton and motions on it."""
