"""Install what the tests need, and pass all of them: `python3 tests/run.py`.

Makes .venv in the clone (or uses the environment that is active), installs the
package with its test requirements, and from Debian's packages, where root and
apt are there, Chromium and what the tests of disks and servers use. Needs nothing but Python 3.10+ and git. Options after
`--` go to pytest.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOOLS = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "fonts-dejavu-core": ("chromium", "chromium-browser", "google-chrome"),
    "openssh-server": ("sshd",),
    "strace": ("strace",),
    "xfsprogs": ("mkfs.xfs",),
}
"""Debian's packages, each with the programs of which one must be there."""


def run(*command: str | Path, **options: object) -> int:
    """Run a command in the clone, shown; its exit code."""
    print("$", *command, flush=True)
    return subprocess.run([str(word) for word in command], cwd=ROOT, check=False, **options).returncode  # type: ignore[call-overload]


def python() -> Path:
    """The Python of the environment that the tests run in."""
    if sys.prefix != sys.base_prefix:
        return Path(sys.executable)
    folder = ROOT / ".venv"
    bin_ = folder / ("Scripts" if os.name == "nt" else "bin")
    if not (bin_ / Path(sys.executable).name).exists():
        print(f"making {folder}", flush=True)
        venv.create(folder, with_pip=True)
    return bin_ / ("python.exe" if os.name == "nt" else "python")


def install_tools() -> None:
    """What some tests need, from Debian's packages where that can be done; they say it where it is missing."""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return
    lacking = [package for package, programs in TOOLS.items() if not any(map(shutil.which, programs))]
    if not lacking:
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "update", "-qq", env=quiet, stdout=subprocess.DEVNULL)
    install = ("apt-get", "install", "-y", "-qq", "--no-install-recommends", *lacking)
    run(*install, env=quiet, stdout=subprocess.DEVNULL)


def main() -> int:
    """Install, then run pytest twice: Playwright's event loop does not share a process with Jupyter's tests."""
    if sys.version_info < (3, 10):
        print(f"jupyter_mlx needs Python 3.10 or newer; this is {sys.version.split()[0]}", file=sys.stderr)
        return 2
    arguments = sys.argv[1:]
    chosen = arguments[arguments.index("--") + 1 :] if "--" in arguments else arguments
    interpreter = python()
    code = run(interpreter, "-m", "pip", "install", "--quiet", "--editable", ".[test]")
    if code:
        return code
    install_tools()
    # one more than there are processors: kernels and servers are waited for
    parallel = ("-n", str((os.cpu_count() or 1) + 1), "--dist", "loadfile")
    first = run(interpreter, "-m", "pytest", "tests", "--ignore=tests/ui", *parallel, *chosen)
    second = run(interpreter, "-m", "pytest", "tests/ui", *chosen)
    return first or second


if __name__ == "__main__":
    sys.exit(main())
