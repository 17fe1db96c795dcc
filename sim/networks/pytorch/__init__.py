"""Weights of PyTorch modules."""
