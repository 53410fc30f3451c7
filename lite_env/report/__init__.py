"""Answers about a lock or a pack: what is in it, why, what changed, what it weighs, what it is made of."""
