"""Networks cut at named layers, by which pictures are judged."""
