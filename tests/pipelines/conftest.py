"""The fixtures of `pipeline_project`, under the name that pytest looks for."""

from pipeline_project import chain, notebook, runner, stages

__all__ = ["chain", "notebook", "runner", "stages"]
