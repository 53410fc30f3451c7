"""Runs a packed kernel on this machine: engines in Node.js and Chromium, a Jupyter client, notebooks."""
