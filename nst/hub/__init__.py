"""Weights from the Hugging Face Hub: the one package that downloads."""
