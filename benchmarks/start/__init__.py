"""How fast a packed kernel starts in a browser, against eager loading."""
