"""Loss networks, cut at named layers."""
