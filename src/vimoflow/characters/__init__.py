"""Figures that users bring: whose joints are which, and motions put onto them."""
