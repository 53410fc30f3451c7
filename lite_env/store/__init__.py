"""Files kept safely: atomic writing, digests, downloads; knows nothing of what it keeps."""
