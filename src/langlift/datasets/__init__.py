"""Readers of datasets, windows, corruptions, cameras and synthetic motion."""
