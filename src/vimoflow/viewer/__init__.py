"""What people look at: a self-contained 3D page and a video beside the input."""
