"""A packed kernel run on this machine: Node and Chromium engines, and a client that speaks Jupyter messages."""
