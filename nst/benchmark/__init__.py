"""How fast and how good: times, metrics, and a race with the textbook's method."""
