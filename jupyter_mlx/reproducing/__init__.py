"""Runs made again: in a clean folder, by a fresh kernel, compared with what they were, with a verdict."""
