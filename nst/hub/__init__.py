"""Weights from the Hugging Face Hub: the only package that downloads."""
