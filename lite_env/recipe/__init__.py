"""Recipes: packages made from source."""
