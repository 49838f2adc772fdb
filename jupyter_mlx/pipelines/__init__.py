"""Notebooks as cached stages: decided purely (plan), then done (runner)."""
