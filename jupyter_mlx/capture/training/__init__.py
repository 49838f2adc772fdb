"""Training loops log themselves: by each framework's own callbacks, and without importing any framework.

A module a framework: `patch(module, begin)` has every training of it call
`begin` and, where a run is active, adds one callback of the framework's own kind.
"""
