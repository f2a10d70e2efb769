"""This program's version, as pictures' recipes carry it."""

__version__ = "0.1.0"
