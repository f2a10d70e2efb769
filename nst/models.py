"""Where the models lie that come with this program: beside the package in a checkout, in it where it is installed."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "_models"  # where a wheel has them (pyproject.toml)

MODELS = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent / "models"
