"""Cells that need not be executed again: known by a key, their variables kept as objects."""
