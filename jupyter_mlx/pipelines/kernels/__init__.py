"""Kernels that are copies of a warm process, and the conversation with kernels of every kind."""

from typing import Final

COLD_VARIABLE: Final = "JUPYTER_MLX_COLD_KERNELS"
"""Where it is set, each kernel is a new process."""
