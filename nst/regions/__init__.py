"""Regions of a picture, each painted from its own painting."""
