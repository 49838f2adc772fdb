"""Objects as open files: a large one is not read into memory."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from jupyter_mlx.errors import AccessError
from jupyter_mlx.store.base import SMALL_BYTES
from jupyter_mlx.store.files import TEMP_PREFIX, make_folder

if TYPE_CHECKING:
    from jupyter_mlx.digest import Digest
    from jupyter_mlx.store.base import ObjectStore


def opened(store: ObjectStore, digest: Digest, temp: Path) -> BinaryIO:
    """The object as a file open for reading, known to hold the object's bytes.

    Raises:
        ObjectNotFoundError, CorruptObjectError: it is not here, or damaged.
        AccessError: it can't be read, or there is no room for it.
    """
    if store.size(digest) < SMALL_BYTES:
        return io.BytesIO(store.get(digest))
    path = store.linkable(digest)
    try:
        if path is not None:
            return path.open("rb")
        # in pieces: put together in a file that is gone when it is closed
        make_folder(str(temp))
        copy = temp / f"{TEMP_PREFIX}{os.urandom(8).hex()}"
        store.copy_to(digest, copy)
        file = copy.open("rb")
        copy.unlink()
    except OSError as error:
        raise AccessError.of(error) from None
    return file
