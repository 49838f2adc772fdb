"""Folders over time: manifests, pointers, and the work tree that follows them."""
