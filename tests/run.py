"""Install what the tests need, and pass all of them: `python3 tests/run.py`.

Makes .venv in the clone (or uses the environment that is active), installs the
package with its test requirements, and from Debian's packages, where root and
apt are there, Chromium and what the tests of disks and servers use. Needs
nothing but Python 3.10+ and git. Options after `--` go to pytest.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOOLS = {
    "chromium-headless-shell": ("chromium-headless-shell",),
    "chromium": ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"),
    "fonts-dejavu-core": ("fc-list",),
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
    interpreter = bin_ / ("python.exe" if os.name == "nt" else "python")
    if not interpreter.exists():
        print(f"making {folder}", flush=True)
        venv.create(folder, with_pip=True)
        # a new pip finds out in half the time which versions go together; the old one will do
        run(interpreter, "-m", "pip", "install", "--quiet", "--upgrade", "pip")
    return interpreter


def install_tools() -> None:
    """What some tests need, from Debian's packages where that can be done; they say it where it is missing."""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    updated = False
    for package, programs in TOOLS.items():
        if any(map(shutil.which, programs)):
            continue
        if not updated:
            run("apt-get", "update", "-qq", env=quiet, stdout=subprocess.DEVNULL)
            updated = True
        # one by one: other distributions lack some
        install = ("apt-get", "install", "-y", "-qq", "--no-install-recommends", package)
        run(*install, env=quiet, stdout=subprocess.DEVNULL)


def passed(interpreter: Path, chosen: list[str]) -> int:
    """Pass the tests by two pytest at once, since Playwright's event loop does not share a process with Jupyter's."""
    pytest = (interpreter, "-m", "pytest", *chosen, "--dist", "loadfile", "--no-loadscope-reorder")
    slowest = ("--durations", "20", "--durations-min", "5")
    pages_part, other_part = ("tests/ui", *cache("pages")), ("tests", "--ignore=tests/ui", *cache("others"))
    # browsers, kernels and servers are waited for: together they leave no processor idle
    beside = (*pytest, *pages_part, *slowest, "-n", "2")
    with tempfile.TemporaryFile("w+") as told:
        print("$", *beside, "(beside the others; shown at the end)", flush=True)
        pages = subprocess.Popen([str(word) for word in beside], cwd=ROOT, stdout=told, stderr=told)
        try:
            parallel = ("-n", str((os.cpu_count() or 1) + 1))
            first = run(*pytest, *other_part, *slowest, *parallel)
            second = pages.wait()
        finally:
            pages.terminate()
            pages.wait()
            told.seek(0)
            print(told.read(), flush=True)
    if on_ci():
        first = again(first, *pytest, *other_part)
        second = again(second, *pytest, *pages_part)
    nothing = 5  # of those that were chosen, there are none in this part
    return next((code for code in (first, second) if code not in (0, nothing)), min(first, second))


def cache(part: str) -> tuple[str, str]:
    """Where one of the two pytest remembers what failed."""
    return "-o", f"cache_dir=.pytest_cache/{part}"


def on_ci() -> bool:
    """Whether this is no person's own machine."""
    return os.environ.get("CI", "").lower() in ("1", "true")


def again(code: int, *command: str | Path) -> int:
    """Try what failed once more, alone, as Jupyter's own projects do on shared machines; both tries are shown.

    A test that fails by what the code does fails again; more than a few are not tried.
    """
    failed = 1
    if code != failed:
        return code
    print("what failed, once more, with nothing beside:", flush=True)
    once_more = ("--last-failed", "--last-failed-no-failures", "none", "--maxfail", "3", "-v")
    return 0 if run(*command, *once_more) == 0 else failed


def main() -> int:
    """Install, and test."""
    if sys.version_info < (3, 10):
        print(f"jupyter_mlx needs Python 3.10 or newer; this is {sys.version.split()[0]}", file=sys.stderr)
        return 2
    arguments = sys.argv[1:]
    chosen = arguments[arguments.index("--") + 1 :] if "--" in arguments else arguments
    # hundreds of commands are started, and each would compile the package again
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    interpreter = python()
    code = run(interpreter, "-m", "pip", "install", "--quiet", "--editable", ".[test]")
    if code:
        return code
    install_tools()
    return passed(interpreter, chosen)


if __name__ == "__main__":
    sys.exit(main())
