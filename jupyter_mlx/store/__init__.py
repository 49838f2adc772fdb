"""Bytes, by digest: the project's own store, and remotes."""

from .base import SMALL_BYTES, Batch, FileChangedError, NewerFormatError, ObjectStore
from .local import LocalStore

__all__ = ["SMALL_BYTES", "Batch", "FileChangedError", "LocalStore", "NewerFormatError", "ObjectStore"]
