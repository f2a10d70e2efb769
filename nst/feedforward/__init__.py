"""The feed-forward engine: the network and its stroke field, style vectors, style prediction for any painting, and
learning a style.
"""
