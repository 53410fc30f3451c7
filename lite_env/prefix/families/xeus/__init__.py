"""Kernels built on xeus, in every generation."""
