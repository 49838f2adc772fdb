"""A trained model as the bytes of one file, by the safest format that there is for it.

Formats that hold nothing but numbers and settings come first. What has none is
pickled, signed with a key of this user, and never unpickled without that: to
unpickle is to execute.
"""

from __future__ import annotations

import hmac
import io
import json
import pickle
import pickletools
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from blake3 import blake3

from .caching.variables import own_key
from .errors import ConflictError, UsageError
from .store.files import write_atomically

if TYPE_CHECKING:
    from .logged import LoggedRun
    from .project import Project

FOLDER = "models"
"""Of the project: where models are written."""
PICKLE, SKOPS = ".signed.pickle", ".skops"
_MAGIC = b"mlx-pickle 1 "
_SHOWN = 5


class UntrustedModelError(UsageError):
    """To load a model would execute what somebody else wrote."""

    code = "model-untrusted"

    def __init__(self, path: str, needs: tuple[str, ...], how: str) -> None:
        super().__init__(path, needs, how)
        self.path, self.needs, self.how = path, needs, how

    def __str__(self) -> str:
        more = ", …" if len(self.needs) > _SHOWN else ""
        return (
            f"{self.path} is not opened, for it would call {', '.join(self.needs[:_SHOWN])}{more}; {self.how}"
        )


class ModelInTheWayError(ConflictError):
    """A model would replace a file that no run made."""

    code = "model-in-the-way"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path} is there, and no run made it; give the model another name, or move the file away"


def keep(project: Project, run: LoggedRun, model: Any, name: str) -> str:
    """Write a model into the project, as an output of a run; its path.

    Raises:
        ModelInTheWayError: a file of that name is there, and no run made it.
        AccessError: it can't be written.
    """
    end, data = write(model, own_key)
    path = project.relative(project.root / FOLDER / f"{name}{end}")
    file = project.root / path
    with project.store.hold():  # until the run names it
        before = project.workspace.version(path)
        if before is not None and not run.wrote(path):
            if not project.ledger.writers(path, str(before.digest)):
                raise ModelInTheWayError(path)
            project.workspace.save(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(str(file), data, str(project.state / "tmp"))
        run.add_output(project.workspace.save(path))
    return path


def write(model: Any, key: Callable[[], bytes]) -> tuple[str, bytes]:
    """The end of the file's name, and its bytes; `key` is asked for where it takes a pickle."""
    families = {base.__module__.partition(".")[0] for base in type(model).__mro__}
    for family, writer in _WRITERS.items():
        if family in families:
            found = writer(model)
            if found is not None:
                return found
    if isinstance(model, dict):
        found = _arrays(model)
        if found is not None:
            return found
    import cloudpickle

    data: bytes = cloudpickle.dumps(model, protocol=5)
    return PICKLE, _MAGIC + _signature(data, key()) + b"\n" + data


def is_model(path: str) -> bool:
    """Whether a file is one that `read` knows, by its name."""
    return path.endswith((PICKLE, SKOPS, *_READERS))


def read(path: str, data: bytes, key: Callable[[], bytes], trusted: Sequence[str] = ()) -> Any:
    """The model in the bytes of a file.

    Raises:
        UntrustedModelError: somebody else pickled it, or it needs types that are not among `trusted`.
    """
    if path.endswith(PICKLE):
        return _unpickled(path, data, key())
    if path.endswith(SKOPS):
        return _from_skops(path, data, trusted)
    return next(reader for end, reader in _READERS.items() if path.endswith(end))(data)


# -- formats that execute nothing ------------------------------------------------------------------


def _array(model: Any) -> tuple[str, bytes] | None:
    import numpy as np

    if type(model) is not np.ndarray or model.dtype.hasobject:
        return None
    file = io.BytesIO()
    np.save(file, model, allow_pickle=False)
    return ".npy", file.getvalue()


def _arrays(model: dict[Any, Any]) -> tuple[str, bytes] | None:
    """Named arrays, or torch's tensors."""
    kinds = {type(value).__module__.partition(".")[0] for value in model.values()}
    if not all(isinstance(name, str) for name in model):
        return None
    if kinds == {"torch"}:
        return _tensors(model)
    if kinds != {"numpy"} or any(value.dtype.kind not in "biuf" for value in model.values()):
        return None
    if find_spec("safetensors"):
        from safetensors.numpy import save

        return ".safetensors", save(model)
    import numpy as np

    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **model)
    return ".npz", file.getvalue()


def _tensors(model: Any) -> tuple[str, bytes] | None:
    import torch  # type: ignore[import-not-found,unused-ignore]

    state = model.state_dict() if hasattr(model, "state_dict") else model
    file = io.BytesIO()
    torch.save(state, file)
    return ".pt", file.getvalue()


def _xgboost(model: Any) -> tuple[str, bytes]:
    # to a file: of scikit-learn's interface, that alone tells which estimator it was
    with TemporaryDirectory() as folder:
        path = Path(folder, "model.json")
        model.save_model(path)
        return ".xgboost.json", path.read_bytes()


def _lightgbm(model: Any) -> tuple[str, bytes]:
    booster = getattr(model, "booster_", model)
    return ".lightgbm.txt", booster.model_to_string().encode()


def _onnx(model: Any) -> tuple[str, bytes] | None:
    return (".onnx", model.SerializeToString()) if hasattr(model, "SerializeToString") else None


def _skops(model: Any) -> tuple[str, bytes] | None:
    if not find_spec("skops"):
        return None
    from skops.io import dumps  # type: ignore[import-not-found,unused-ignore]

    return SKOPS, dumps(model)


_WRITERS: dict[str, Callable[[Any], tuple[str, bytes] | None]] = {
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
    "torch": _tensors,
    "onnx": _onnx,
    "sklearn": _skops,
    "numpy": _array,
}
"""Package of a model's class, or of one that it is derived from → what writes it, None where it can't."""


def _to_array(data: bytes) -> Any:
    import numpy as np

    found = np.load(io.BytesIO(data), allow_pickle=False)
    return dict(found) if hasattr(found, "files") else found


def _to_arrays(data: bytes) -> Any:
    from safetensors.numpy import load

    return load(data)


def _to_tensors(data: bytes) -> Any:
    import torch

    return torch.load(io.BytesIO(data), weights_only=True)


def _to_xgboost(data: bytes) -> Any:
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(bytearray(data))
    told = json.loads(booster.attr("scikit_learn") or "{}").get("_estimator_type", "")
    wrapper = getattr(xgboost, f"XGB{told.capitalize()}", None) if told else None
    if wrapper is None:
        return booster
    model = wrapper()
    model.load_model(bytearray(data))
    return model


def _to_lightgbm(data: bytes) -> Any:
    import lightgbm

    return lightgbm.Booster(model_str=data.decode())


def _to_onnx(data: bytes) -> Any:
    import onnx  # type: ignore[import-not-found,unused-ignore]

    return onnx.load_from_string(data)


_READERS: dict[str, Callable[[bytes], Any]] = {
    ".npy": _to_array,
    ".npz": _to_array,
    ".safetensors": _to_arrays,
    ".pt": _to_tensors,
    ".xgboost.json": _to_xgboost,
    ".lightgbm.txt": _to_lightgbm,
    ".onnx": _to_onnx,
}


def _from_skops(path: str, data: bytes, trusted: Sequence[str]) -> Any:
    from skops.io import get_untrusted_types, loads

    needs = set(get_untrusted_types(data=data)) - set(trusted)
    if needs:
        how = f"where you trust them: load(run, path, trusted={sorted(needs)!r})"
        raise UntrustedModelError(path, tuple(sorted(needs)), how)
    return loads(data, trusted=list(trusted))


# -- pickles ---------------------------------------------------------------------------------------


def _signature(data: bytes, key: bytes) -> bytes:
    return blake3(data, key=key).hexdigest().encode()


def _unpickled(path: str, data: bytes, key: bytes) -> Any:
    head, _, body = data.partition(b"\n")
    if hmac.compare_digest(head.removeprefix(_MAGIC), _signature(body, key)):
        return pickle.loads(body)  # noqa: S301 (signed by this user's key)
    how = "it was pickled by somebody else: have it logged again in a safe format"
    raise UntrustedModelError(path, tuple(_called(body)) or ("unknown code",), how)


def _called(data: bytes) -> list[str]:
    """What a pickle would import, in the order of its opcodes; nothing is executed."""
    found: dict[str, None] = {}
    texts: list[str] = []
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if opcode.name == "GLOBAL":
                found[str(argument).replace(" ", ".")] = None
            elif opcode.name == "STACK_GLOBAL" and len(texts) > 1:
                found[".".join(texts[-2:])] = None
            elif isinstance(argument, str):
                texts.append(argument)
    except Exception:
        # what is no pickle calls nothing that can be named
        return list(found)
    return list(found)
