"""Kinds of access to files: what each reads and writes, and how surely it is to be seen.

A kind is a generator. What stands before its `yield` happens in an earlier cell, what stands after it in the
tracked one. `docs/lineage.md` is printed from this table by `tests/capture/test_lineage_matrix.py`.
"""

# handles are left open on purpose
# ruff: noqa: SIM115

from __future__ import annotations

import asyncio
import csv
import ctypes
import fileinput
import gzip
import importlib
import io
import json
import logging
import mmap
import multiprocessing
import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

MISSED = "missed"


@dataclass(frozen=True)
class Kind:
    """One kind of access."""

    group: str
    name: str
    act: Callable[[], Iterator[None]]
    reads: dict[str, str] = field(default_factory=dict)
    """File → `seen`, `weak` or `missed`."""
    writes: dict[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    """Modules without which it is skipped."""
    changed: tuple[str, ...] = ()
    """Inputs that are other ones at the end."""


KINDS: list[Kind] = []
OUTSIDE = "../outside/"


def kind(group, name, *, reads="", writes="", how="seen", needs="", changed=""):
    """Enter a kind. Files are named by words; `how` is for all of them, or `file=how` after a name."""

    def named(words):
        return {word.partition("=")[0]: word.partition("=")[2] or how for word in words.split()}

    def enter(act):
        KINDS.append(
            Kind(
                group,
                name,
                act,
                named(reads),
                named(writes),
                tuple(needs.split()),
                tuple(changed.split()),
            )
        )
        return act

    return enter


def table():
    """A small DataFrame."""
    import pandas as pd

    return pd.DataFrame({"a": [1, 2], "b": [3.0, 4.0]})


def picture():
    """A small image."""
    from PIL import Image

    return Image.new("RGB", (4, 4))


def hdf(path):
    """A small HDF5 file."""
    import h5py

    with h5py.File(path, "w") as file:
        file["x"] = [1, 2]


def numbers():
    """A small array."""
    import numpy as np

    return np.arange(16.0)


def database(path):
    """A small SQLite file."""
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE t (x)")
    db.close()


def archive(path):
    """A tar file with `inner.txt` in it."""
    with tarfile.open(path, "w") as tar:
        inner = tarfile.TarInfo("inner.txt")
        inner.size = 1
        tar.addfile(inner, io.BytesIO(b"x"))


MAKERS: dict[str, Callable[[str], object]] = {
    ".csv": lambda path: Path(path).write_text("a,b\n1,3\n2,4\n"),
    ".txt": lambda path: Path(path).write_text("text\n" * 10),
    ".py": lambda path: Path(path).write_text("X = 1\n"),
    ".json": lambda path: Path(path).write_text('{"a": [1]}'),
    ".bin": lambda path: Path(path).write_bytes(b"\0" * 64),
    ".svm": lambda path: Path(path).write_text("1 1:0.5\n0 1:0.2\n"),
    ".gz": lambda path: gzip.open(path, "wb").close(),
    ".zip": lambda path: zipfile.ZipFile(path, "w").close(),
    ".tar": archive,
    ".pkl": lambda path: Path(path).write_bytes(pickle.dumps(1)),
    ".db": database,
    ".npy": lambda path: __import__("numpy").save(path, numbers()),
    ".parquet": lambda path: table().to_parquet(path),
    ".feather": lambda path: table().to_feather(path),
    ".xlsx": lambda path: table().to_excel(path),
    ".h5": hdf,
    ".hdf": lambda path: table().to_hdf(path, key="x"),
    ".png": lambda path: picture().save(path),
    ".joblib": lambda path: __import__("joblib").dump([1], path),
    ".safetensors": lambda path: __import__("safetensors.numpy").numpy.save_file({"x": numbers()}, path),
    ".pt": lambda path: __import__("torch").save([1], path),
    ".nc": lambda path: __import__("netCDF4").Dataset(path, "w").close(),
    ".duckdb": lambda path: __import__("duckdb").connect(path).close(),
}


def make(path):
    """Make an input by its ending."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    MAKERS[Path(path).suffix](path)


def python(code, *options, **how):
    """A Python child process."""
    subprocess.run([sys.executable, *options, "-c", code], check=True, **how)


def read_text(path="in.txt"):
    """At the top of the module, so that other processes find it."""
    return Path(path).read_text()


def write_text(path="out.txt"):
    """Also at the top."""
    return Path(path).write_text("x")


PY = "Python's own ways"


@kind(PY, "`open` for reading, pathlib", reads="in.txt in.csv")
def _():
    yield
    with open("in.txt") as file:
        file.read()
    Path("in.csv").read_bytes()


@kind(PY, "`open` for writing, new and over an old file", writes="out.txt old.txt")
def _():
    write_text("old.txt")
    yield
    with open("out.txt", "w") as file:
        file.write("x")
    Path("old.txt").write_text("other")


@kind(PY, "mode `x`", writes="out.txt")
def _():
    yield
    with open("out.txt", "x") as file:
        file.write("x")


@kind(PY, "mode `a` on a file that has something: it is input and output", reads="in.txt", writes="in.txt", changed="in.txt")  # fmt: skip
def _():
    yield
    with open("in.txt", "a") as file:
        file.write("x")


@kind(PY, "mode `a` on a new file", writes="out.txt")
def _():
    yield
    with open("out.txt", "a") as file:
        file.write("x")


@kind(PY, "mode `r+` that changes it: input and output", reads="in.txt", writes="in.txt", changed="in.txt")
def _():
    yield
    with open("in.txt", "r+") as file:
        file.write("other")


@kind(PY, "mode `r+` that changes nothing: input", reads="in.txt")
def _():
    yield
    with open("in.txt", "r+") as file:
        file.read()


@kind(PY, "`os.open` by an absolute and a relative path", reads="in.txt in.csv", writes="out.txt")
def _():
    yield
    os.close(os.open(os.path.abspath("in.txt"), os.O_RDONLY))
    os.close(os.open("in.csv", os.O_RDONLY))
    file = os.open("out.txt", os.O_WRONLY | os.O_CREAT)
    os.write(file, b"x")
    os.close(file)


@kind(PY, "`os.open` with `dir_fd`", reads="sub/in.txt", writes="sub/out.txt")
def _():
    yield
    folder = os.open("sub", os.O_RDONLY)
    os.close(os.open("in.txt", os.O_RDONLY, dir_fd=folder))
    file = os.open("out.txt", os.O_WRONLY | os.O_CREAT, dir_fd=folder)
    os.write(file, b"x")
    os.close(file)
    os.close(folder)


@kind(PY, "a relative path after `chdir`", reads="sub/in.txt", writes="sub/out.txt")
def _():
    yield
    here = os.getcwd()
    os.chdir("sub")
    read_text()
    write_text()
    os.chdir(here)


@kind(PY, "a path with `..`", reads="in.txt")
def _():
    os.mkdir("sub")
    yield
    read_text("sub/../in.txt")


@kind(PY, "gzip, zip, tar", reads="in.gz in.zip in.tar", writes="out.gz out.zip inner.txt")
def _():
    yield
    gzip.open("in.gz").read()
    zipfile.ZipFile("in.zip").close()
    with tarfile.open("in.tar") as tar:
        tar.extractall(filter="data") if sys.version_info >= (3, 12) else tar.extractall()
    gzip.open("out.gz", "w").close()
    zipfile.ZipFile("out.zip", "w").close()


@kind(PY, "pickle, json, csv", reads="in.pkl in.json in.csv", writes="out.pkl out.json")
def _():
    yield
    with open("in.pkl", "rb") as file, open("out.pkl", "wb") as out:
        pickle.dump(pickle.load(file), out)
    with open("in.json") as file, open("out.json", "w") as out:
        json.dump(json.load(file), out)
    with open("in.csv") as file:
        list(csv.reader(file))


@kind(PY, "`fileinput` in place", reads="in.txt", writes="in.txt", changed="in.txt")
def _():
    yield
    with fileinput.input("in.txt", inplace=True) as lines:
        for line in lines:
            sys.stdout.write(line.upper())


@kind(PY, "an import of a module of the project, compiled or not", reads="fresh_module.py compiled_module.py")
def _():
    sys.dont_write_bytecode = False
    sys.path.insert(0, os.getcwd())
    importlib.import_module("compiled_module")
    del sys.modules["compiled_module"]
    yield
    sys.path.insert(0, os.getcwd())
    importlib.import_module("fresh_module")
    importlib.import_module("compiled_module")


MOVE = "Copies, renames, removals"


@kind(MOVE, "`shutil.copyfile`, `copytree`", reads="in.txt dir/in.csv", writes="out.txt copy/in.csv")
def _():
    yield
    shutil.copyfile("in.txt", "out.txt")
    shutil.copytree("dir", "copy")


@kind(MOVE, "a rename: the old name is input, the new one output", reads="in.txt", writes="out.txt", changed="in.txt")  # fmt: skip
def _():
    yield
    os.rename("in.txt", "out.txt")


@kind(MOVE, "written beside and renamed into place", writes="out.txt")
def _():
    yield
    write_text("out.txt.part")
    os.replace("out.txt.part", "out.txt")


@kind(MOVE, "read, then replaced by a rename", reads="in.txt", writes="in.txt", changed="in.txt")
def _():
    yield
    text = read_text()
    Path("part").write_text(text + "more")
    os.replace("part", "in.txt")


@kind(MOVE, "read, then written anew", reads="in.txt", writes="in.txt", changed="in.txt")
def _():
    yield
    Path("in.txt").write_text(read_text() + "more")


@kind(MOVE, "written, then read: no input", writes="out.txt")
def _():
    yield
    write_text()
    read_text("out.txt")


@kind(MOVE, "read, then removed", reads="in.txt", changed="in.txt")
def _():
    yield
    read_text()
    os.remove("in.txt")


@kind(MOVE, "temporary files that are gone at the end: nothing")
def _():
    yield
    with tempfile.NamedTemporaryFile(dir=".") as file:
        file.write(b"x")
    write_text("gone")
    os.remove("gone")


@kind(MOVE, "a folder that is renamed", writes="new/a.txt")
def _():
    yield
    os.mkdir("work")
    write_text("work/a.txt")
    os.rename("work", "new")


@kind(MOVE, "a hard link", reads="in.txt", writes="out.txt")
def _():
    yield
    os.link("in.txt", "out.txt")


@kind(MOVE, "`os.sendfile`, `os.truncate`", reads="in.txt in.bin", writes="out.txt in.bin", changed="in.bin")
def _():
    yield
    with open("in.txt", "rb") as file, open("out.txt", "wb") as out:
        os.sendfile(out.fileno(), file.fileno(), 0, 10)
    os.truncate("in.bin", 8)


HELD = "Handles, maps, links"


@kind(HELD, "a handle of an earlier cell", reads="in.txt", writes="out.txt")
def _():
    reading, writing = open("in.txt"), open("out.txt", "w")
    yield
    reading.read()
    writing.write("x")
    writing.flush()
    yield


@kind(HELD, "a logger of an earlier cell", writes="run.txt")
def _():
    handler = logging.FileHandler("run.txt")
    yield
    handler.emit(logging.LogRecord("x", 30, "", 0, "message", (), None))


@kind(HELD, "`mmap` for reading and writing", reads="in.txt in.bin", writes="in.bin", changed="in.bin")
def _():
    yield
    with open("in.txt") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as found:
        found.read()
    with open("in.bin", "r+b") as file, mmap.mmap(file.fileno(), 0) as found:
        found[0] = 1
        found.flush()


@kind(HELD, "a memory map of an earlier cell, read", reads="in.npy", how="weak", needs="numpy")
def _():
    import numpy as np

    found = np.load("in.npy", mmap_mode="r")
    yield
    found.sum()
    yield  # what is still open is not closed by the cell


@kind(HELD, "a memory map of an earlier cell, written", reads="in.npy", writes="in.npy", needs="numpy", changed="in.npy")  # fmt: skip
def _():
    import numpy as np

    found = np.load("in.npy", mmap_mode="r+")
    yield
    found[0] = 7
    found.flush()
    yield


@kind(HELD, "a link in the project", reads="in.txt")
def _():
    os.symlink("in.txt", "link.txt")
    yield
    read_text("link.txt")


@kind(HELD, "a link to a file outside, Python", reads="link.txt")
def _():
    make("../outside/a.txt")
    os.symlink("../../outside/a.txt", "link.txt")
    yield
    read_text("link.txt")


@kind(HELD, "a link to a file outside, native reader", reads="link.csv", how="weak", needs="pyarrow")
def _():
    import pyarrow.csv

    os.symlink("../../outside/b.csv", "link.csv")
    yield
    pyarrow.csv.read_csv("link.csv")


@kind(HELD, "a link to a folder outside, native reader", reads="link/c.csv", how="weak", needs="pyarrow")
def _():
    import pyarrow.csv

    os.symlink("../../outside/folder", "link")
    yield
    pyarrow.csv.read_csv("link/c.csv")


THREADS = "Threads and processes"


@kind(THREADS, "a thread, a pool of threads, `asyncio.to_thread`", reads="in.txt", writes="out.txt pool.txt")
def _():
    yield
    thread = threading.Thread(target=write_text)
    thread.start()
    thread.join()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(write_text, "pool.txt").result()
    asyncio.run(asyncio.to_thread(read_text))


@kind(THREADS, "a thread that an earlier cell started", writes="out.txt", how="weak")
def _():
    go, done = threading.Event(), threading.Event()
    path = os.path.abspath("out.txt")

    def work():
        go.wait()
        write_text(path)
        done.set()

    threading.Thread(target=work, daemon=True).start()
    yield
    go.set()
    done.wait()


@kind(THREADS, "joblib with threads", reads="in.txt", needs="joblib")
def _():
    import joblib

    yield
    joblib.Parallel(2, backend="threading")([joblib.delayed(read_text)()])


@kind(THREADS, "`os.fork`", reads="in.txt", writes="out.txt")
def _():
    yield
    child = os.fork()
    if not child:
        read_text()
        write_text()
        os._exit(0)
    os.waitpid(child, 0)


@kind(THREADS, "multiprocessing, forked", reads="in.txt", writes="out.txt")
def _():
    yield
    with multiprocessing.get_context("fork").Pool(1) as pool:
        pool.map(read_text, ["in.txt"])
        pool.map(write_text, ["out.txt"])


@kind(
    THREADS, "multiprocessing, spawned (also the workers of a DataLoader)", reads="in.txt", writes="out.txt"
)
def _():
    yield
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        pool.submit(read_text, os.path.abspath("in.txt")).result()
        pool.submit(write_text, os.path.abspath("out.txt")).result()


@kind(THREADS, "joblib with processes (loky)", reads="in.txt", needs="joblib")
def _():
    import joblib

    yield
    joblib.Parallel(2)([joblib.delayed(read_text)(os.path.abspath("in.txt"))] * 2)


@kind(THREADS, "a Python child process", reads="in.txt", writes="out.txt")
def _():
    yield
    python("open('out.txt', 'w').write(open('in.txt').read())")


@kind(THREADS, "a Python child of a shell", reads="in.txt")
def _():
    yield
    subprocess.run(f'cd . && "{sys.executable}" -c "open(\'in.txt\')" && true', shell=True, check=True)


@kind(THREADS, "a Python child with a native reader", reads="in.csv", how="weak", needs="pyarrow")
def _():
    yield
    python("import pyarrow.csv; pyarrow.csv.read_csv('in.csv')")


@kind(THREADS, "a Python child with `-I`", reads="in.txt", how="weak")
def _():
    yield
    python("open('in.txt')", "-I")


@kind(THREADS, "a Python child with an environment of its own", reads="in.txt", how="weak")
def _():
    yield
    python("open('in.txt')", env={})


@kind(THREADS, "another program, a shell's redirection", reads="in.txt in.csv", writes="out.txt out.csv", how="weak")  # fmt: skip
def _():
    yield
    subprocess.run("cp in.txt out.txt; cat <in.csv >out.csv", shell=True, check=True)


@kind(
    THREADS,
    "another program makes a folder and writes into it at once",
    writes="new/deep/out.txt",
    how="weak",
)
def _():
    yield
    subprocess.run("mkdir -p new/deep; echo x >new/deep/out.txt", shell=True, check=True)


TABLES = "pandas, pyarrow, polars, duckdb"


@kind(
    TABLES,
    "pandas `read_csv`, `to_csv`, `read_json`",
    reads="in.csv in.json",
    writes="out.csv",
    needs="pandas",
)
def _():
    import pandas as pd

    yield
    pd.read_csv("in.csv").to_csv("out.csv")
    pd.read_json("in.json")


@kind(TABLES, "pandas `read_csv(engine='pyarrow')`", reads="in.csv", needs="pandas pyarrow")
def _():
    import pandas as pd

    yield
    pd.read_csv("in.csv", engine="pyarrow")


@kind(TABLES, "pandas Excel", reads="in.xlsx", writes="out.xlsx", needs="pandas openpyxl")
def _():
    import pandas as pd

    yield
    pd.read_excel("in.xlsx").to_excel("out.xlsx")


@kind(TABLES, "pandas Parquet", reads="in.parquet", writes="out.parquet", how="weak", needs="pandas pyarrow")
def _():
    import pandas as pd

    yield
    pd.read_parquet("in.parquet").to_parquet("out.parquet")


@kind(TABLES, "pandas Feather", reads="in.feather", writes="out.feather", needs="pandas pyarrow")
def _():
    import pandas as pd

    yield
    pd.read_feather("in.feather").to_feather("out.feather")


@kind(TABLES, "pandas HDF (PyTables)", reads="in.hdf", writes="out.hdf", how="weak", needs="pandas tables")
def _():
    import pandas as pd

    yield
    pd.read_hdf("in.hdf").to_hdf("out.hdf", key="x")


@kind(TABLES, "pandas `read_sql`", reads="in.db", needs="pandas")
def _():
    import pandas as pd

    yield
    with sqlite3.connect("in.db") as db:
        pd.read_sql("SELECT * FROM t", db)
    db.close()


@kind(TABLES, "pyarrow Parquet, CSV", reads="in.parquet in.csv", writes="out.parquet", how="weak", needs="pyarrow pandas")  # fmt: skip
def _():
    import pyarrow.csv
    import pyarrow.parquet as pq

    yield
    pyarrow.csv.read_csv("in.csv")
    pq.write_table(pq.read_table("in.parquet"), "out.parquet")


@kind(TABLES, "pyarrow dataset", reads="data/in.parquet", how="weak", needs="pyarrow pandas")
def _():
    import pyarrow.dataset

    yield
    pyarrow.dataset.dataset("data").to_table()


@kind(TABLES, "pyarrow `memory_map`", reads="in.bin", how="weak", needs="pyarrow")
def _():
    import pyarrow as pa

    yield
    with pa.memory_map("in.bin") as found:
        found.read()


@kind(TABLES, "polars `read`, `write`", reads="in.csv in.parquet", writes="out.csv out.parquet", how="weak", needs="polars pandas pyarrow")  # fmt: skip
def _():
    import polars as pl

    yield
    pl.read_csv("in.csv").write_csv("out.csv")
    pl.read_parquet("in.parquet").write_parquet("out.parquet")


@kind(TABLES, "polars `scan` of an earlier cell, `sink`", reads="in.csv", writes="out.csv", how="weak", needs="polars")  # fmt: skip
def _():
    import polars as pl

    found = pl.scan_csv(os.path.abspath("in.csv"))
    yield
    found.sink_csv("out.csv")


@kind(TABLES, "duckdb over files, a path bound as `$1`, `COPY`", reads="in.csv in.parquet", writes="out.csv", how="weak", needs="duckdb pandas pyarrow")  # fmt: skip
def _():
    import duckdb

    yield
    duckdb.sql("SELECT * FROM 'in.csv'").fetchall()
    duckdb.execute("SELECT * FROM read_parquet($1)", ["in.parquet"]).fetchall()
    duckdb.sql("COPY (SELECT 1) TO 'out.csv'")


@kind(TABLES, "a duckdb database", reads="in.duckdb=weak", writes="out.duckdb=weak", needs="duckdb")
def _():
    import duckdb

    yield
    duckdb.connect("in.duckdb", read_only=True).close()
    with duckdb.connect("out.duckdb") as db:
        db.execute("CREATE TABLE t (x INTEGER)")


DATABASES = "SQLite, LMDB"


@kind(DATABASES, "`sqlite3.connect`, read", reads="in.db")
def _():
    yield
    with sqlite3.connect("in.db") as db:
        db.execute("SELECT * FROM t").fetchall()
    db.close()


@kind(DATABASES, "`sqlite3.connect`, written", reads="in.db", writes="in.db", changed="in.db")
def _():
    yield
    with sqlite3.connect("in.db") as db:
        db.execute("INSERT INTO t VALUES (1)")
    db.close()


@kind(DATABASES, "SQLite `ATTACH`", reads="in.db", how="weak")
def _():
    yield
    db = sqlite3.connect(":memory:")
    db.execute("ATTACH 'in.db' AS other")
    db.execute("SELECT * FROM other.t").fetchall()
    db.close()


@kind(DATABASES, "LMDB", reads="db/data.mdb=weak", needs="lmdb")
def _():
    import lmdb

    with lmdb.open("db") as env, env.begin(write=True) as change:
        change.put(b"a", b"b")
    yield
    with lmdb.open("db", readonly=True, lock=False) as env, env.begin() as look:
        look.get(b"a")


ARRAYS = "Arrays, images, models"


@kind(ARRAYS, "numpy `load`, `save`, `loadtxt`, `fromfile`, `tofile`", reads="in.npy in.svm in.bin", writes="out.npy out.bin", needs="numpy")  # fmt: skip
def _():
    import numpy as np

    yield
    np.save("out.npy", np.load("in.npy"))
    np.loadtxt("in.svm", dtype=str)
    np.fromfile("in.bin").tofile("out.bin")


@kind(ARRAYS, "numpy `memmap`, `r` and `r+`", reads="in.npy in.bin", writes="in.bin", needs="numpy", changed="in.bin")  # fmt: skip
def _():
    import numpy as np

    yield
    np.load("in.npy", mmap_mode="r").sum()
    found = np.memmap("in.bin", mode="r+")
    found[0] = 5
    found.flush()


@kind(ARRAYS, "h5py", reads="in.h5", writes="out.h5", how="weak", needs="h5py")
def _():
    import h5py

    yield
    with h5py.File("in.h5") as file:
        file["x"][:]
    hdf("out.h5")


@kind(ARRAYS, "h5py, a file that an earlier cell opened", reads="in.h5", needs="h5py")
def _():
    import h5py

    file = h5py.File("in.h5")
    yield
    file["x"][:]
    yield


@kind(ARRAYS, "netCDF4", reads="in.nc", how="weak", needs="netCDF4")
def _():
    import netCDF4

    yield
    netCDF4.Dataset("in.nc").close()


@kind(ARRAYS, "PIL, matplotlib", reads="in.png", writes="out.png figure.png", needs="PIL matplotlib")
def _():
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt
    from PIL import Image

    plt.plot([1])
    yield
    with Image.open("in.png") as image:
        image.save("out.png")
    plt.savefig("figure.png")


@kind(ARRAYS, "OpenCV", reads="in.png", writes="out.png", how="weak", needs="cv2 PIL")
def _():
    import cv2

    yield
    cv2.imwrite("out.png", cv2.imread("in.png"))


@kind(ARRAYS, "joblib `load`, `dump`", reads="in.joblib", writes="out.joblib", needs="joblib")
def _():
    import joblib

    yield
    joblib.dump(joblib.load("in.joblib"), "out.joblib")


@kind(ARRAYS, "scikit-learn `load_svmlight_file`", reads="in.svm", needs="sklearn")
def _():
    from sklearn.datasets import load_svmlight_file

    yield
    load_svmlight_file("in.svm")


@kind(
    ARRAYS,
    "safetensors",
    reads="in.safetensors=weak",
    writes="out.safetensors=weak",
    needs="safetensors numpy",
)
def _():
    from safetensors.numpy import load_file, save_file

    yield
    save_file(load_file("in.safetensors"), "out.safetensors")


@kind(ARRAYS, "torch `load`", reads="in.pt", needs="torch")
def _():
    import torch

    yield
    torch.load("in.pt")


@kind(ARRAYS, "torch `save`", writes="out.pt=weak", needs="torch")
def _():
    import torch

    yield
    torch.save([1], "out.pt")


@kind(ARRAYS, "fsspec, local", reads="in.txt", writes="out.txt", needs="fsspec")
def _():
    import fsspec

    yield
    with fsspec.open("in.txt", "rb") as file, fsspec.open("out.txt", "wb") as out:
        out.write(file.read())


LOW = "Below Python"


@kind(LOW, "the C library, by ctypes", reads="in.txt", writes="out.txt", how="weak")
def _():
    libc = ctypes.CDLL(None)
    libc.fopen.restype = ctypes.c_void_p
    libc.fclose.argtypes = [ctypes.c_void_p]
    yield
    libc.fclose(libc.fopen(b"in.txt", b"r"))
    libc.fclose(libc.fopen(b"out.txt", b"w"))


@kind(LOW, "a system call", reads="in.txt", how="weak")
def _():
    libc = ctypes.CDLL(None)
    yield
    number = {"x86_64": 257, "aarch64": 56}[os.uname().machine]
    os.close(libc.syscall(number, -100, b"in.txt", 0))


FAR = "Outside the project"


@kind(FAR, "Python, and a Python child", reads=f"{OUTSIDE}p.txt {OUTSIDE}child.txt", writes=f"{OUTSIDE}w.txt")
def _():
    yield
    read_text("../../outside/p.txt")
    write_text("../../outside/w.txt")
    python("open('../../outside/child.txt')")


@kind(FAR, "a native reader, another program", reads=f"{OUTSIDE}n.csv {OUTSIDE}o.txt", how=MISSED, needs="pyarrow")  # fmt: skip
def _():
    import pyarrow.csv

    yield
    pyarrow.csv.read_csv("../../outside/n.csv")
    subprocess.run(["cat", "../../outside/o.txt"], check=True, stdout=subprocess.DEVNULL)
