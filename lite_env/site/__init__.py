"""Where packs are served: a static site, and the same page live with a folder of the host as its drive."""
