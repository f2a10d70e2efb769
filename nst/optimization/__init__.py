"""Style transfer by image optimization: the objective, and how it is minimized from coarse to fine."""
