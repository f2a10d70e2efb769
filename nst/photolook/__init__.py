"""Photographs that stay photographs: another photograph's colors and light, and no edge moved."""
