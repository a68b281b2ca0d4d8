"""From 2D keypoints to what the denoiser is conditioned on."""
