"""Small disks of other kinds, in a file that is mounted: for tests that run as root on Linux."""

import contextlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@contextlib.contextmanager
def mounted(folder: Path, make: list[str], mib: int, options: str = "loop"):
    """A disk of `mib` MiB that the command `make` formats; skips by name where that can't be."""
    if sys.platform != "linux":
        pytest.skip("disks in a file are mounted on Linux alone")
    if not shutil.which(make[0]):
        pytest.skip(f"{make[0]} is not installed")
    image, place = folder / f"{make[0]}.img", folder / f"{make[0]}.mnt"
    with image.open("wb") as file:
        file.truncate(mib << 20)
    made = subprocess.run([*make, image], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"{' '.join(make)}: {made.stderr.strip()[-100:]}")
    place.mkdir()
    done = subprocess.run(["mount", "-o", options, image, place], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()[-100:]}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)
        image.unlink()


def taken(place: Path) -> int:
    """Bytes that are taken on a disk, once all is written."""
    subprocess.run(["sync", "-f", place], check=True)
    return shutil.disk_usage(place).used
