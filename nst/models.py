"""Where the models lie that come with this program."""

from pathlib import Path

MODELS = Path(__file__).resolve().parent.parent / "models"
