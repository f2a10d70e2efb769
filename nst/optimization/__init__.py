"""The image as the variable: the objective, and how it is minimized from coarse to fine."""
