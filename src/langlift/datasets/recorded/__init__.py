"""Readers of the datasets that users own: 2D of a camera with the 3D of the same moment."""
