"""What the benchmarks in a browser share: one Chromium, one server, links, and what is counted."""
