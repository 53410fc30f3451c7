"""Measurements against what does the same job; each one is a make target and is never part of CI."""
