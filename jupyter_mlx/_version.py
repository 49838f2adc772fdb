"""The version of this package, read by hatchling too."""

__version__ = "0.1.0"
