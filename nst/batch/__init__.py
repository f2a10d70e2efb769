"""Painting many photographs in one style."""
