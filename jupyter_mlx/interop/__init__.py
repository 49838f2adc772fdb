"""What other programs call: git's hooks and merges, and libraries that speak fsspec."""
