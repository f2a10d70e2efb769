"""Many photographs in one style."""
