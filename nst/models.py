"""The folder of the models that come with this program: next to the package in a checkout, inside it when installed."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "_models"  # where a wheel puts them (pyproject.toml)

MODELS = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent / "models"
