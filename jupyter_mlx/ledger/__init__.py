"""What happened: runs, in one SQLite file, with a query language and comparison.

The package is not called `runs`, since `jupyter_mlx.runs()` is a public
function and a submodule of that name would overwrite it.
"""
