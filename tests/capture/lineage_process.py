"""A process like a kernel that goes through the kinds of access, and prints what was seen of each as JSON."""

import importlib.util
import json
import os
import sys
import time
import traceback
from pathlib import Path

from lineage_kinds import KINDS, OUTSIDE, make

from jupyter_mlx.capture.lineage.listening import Listening


def prepare(number, kind, root):
    """The folder of a kind, with its inputs; the first half of its action is done."""
    folder = root / f"kind{number}"
    folder.mkdir()
    os.chdir(folder)
    for name in kind.reads:
        if name.startswith(OUTSIDE):
            make(f"../{name}")
        elif not name.startswith(("link", "db/")):
            make(name)
    action = kind.act()
    next(action)
    return folder, action


def listened(folder, action, root):
    """What was seen of the second half, by (role, path)."""
    os.chdir(folder)
    listening = Listening(root, root / ".mlx")
    problem = ""
    try:
        next(action, None)
    except Exception:
        problem = traceback.format_exc()
    seen = listening.finish()
    outside = str(root.parent / "outside")
    files = []
    for file in seen.files:
        path = file.path.removeprefix(f"{folder.name}/")
        if path == file.path:
            if not path.startswith(outside):
                continue
            path = OUTSIDE + path.removeprefix(f"{outside}/")
        files.append([file.role, path, file.how, file.changed, file.source])
    return {"files": files, "incomplete": seen.incomplete, "problem": problem}


def main():
    """Prepare all, then go through all: what is made before must be older than what is listened to."""
    root = Path(sys.argv[1])
    outside = root.parent / "outside"
    for name in ("a.txt", "b.csv", "folder/c.csv"):
        make(outside / name)
    found, ready = {}, []
    for number, kind in enumerate(KINDS):
        missing = [need for need in kind.needs if importlib.util.find_spec(need) is None]
        if missing:
            found[number] = {"missing": missing}
            continue
        try:
            ready.append((number, *prepare(number, kind, root)))
        except Exception:
            found[number] = {"files": [], "incomplete": [], "problem": traceback.format_exc()}
    time.sleep(0.05)
    for number, folder, action in ready:
        found[number] = listened(folder, action, root)
    os.chdir(root)
    Path(sys.argv[2]).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
