"""Recipes of conda-build and of boa become recipes of rattler-build; what cannot is refused by line."""
