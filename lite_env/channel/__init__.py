"""Conda channels made from what is published elsewhere: fetched, checked, repackaged, indexed."""
