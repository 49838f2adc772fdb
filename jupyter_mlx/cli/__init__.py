"""The command line, `jmlx`: one file a group, thin over `jupyter_mlx.project`."""
