"""mlx.yaml: what the project's people wrote, read and checked.

Every complaint names the file, the line and the dotted key.
"""

from .checker import nearest
from .edit import add_remote, remove_remote, replace_file
from .values import NAME, STATE, Config, Remote, Resources, StageConfig, UnknownRemoteError

__all__ = [
    "NAME",
    "STATE",
    "Config",
    "Remote",
    "Resources",
    "StageConfig",
    "UnknownRemoteError",
    "add_remote",
    "nearest",
    "remove_remote",
    "replace_file",
]
