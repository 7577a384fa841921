"""Reading PyTorch checkpoints without running anything that they hold.

A pickle is a little program. This reader knows the few names that tensors are made of; the names of
training states (optimizers, schedulers) become empty shells; any other name is refused, because a
weight file has no use for it. Nothing of the file is ever called.
"""

from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from empatheia.errors import WeightsError
from empatheia.files import is_lfs_pointer

_DTYPES = {
    "FloatStorage": torch.float32, "DoubleStorage": torch.float64, "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16, "LongStorage": torch.int64, "IntStorage": torch.int32,
    "ShortStorage": torch.int16, "CharStorage": torch.int8, "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}  # fmt: skip
# Training states of the published files; each becomes a shell that holds nothing.
_SHELLS = ("torch.optim.", "torch.cuda.amp", "torch.amp", "numpy.", "argparse", "munch", "yacs.")
_SHELL_NAMES = frozenset(
    (("builtins", "getattr"), ("__builtin__", "getattr"), ("torch", "device"), ("torch", "dtype"),
     ("torch", "Size"), ("collections", "defaultdict"), ("collections", "Counter"))
)  # fmt: skip


class Shell:
    """Stands for an object of a training state: takes anything, does nothing, holds nothing."""

    def __new__(cls, *_: Any, **__: Any) -> Shell:
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __setstate__(self, _: Any) -> None:
        pass

    def __setitem__(self, _: Any, __: Any) -> None:
        pass

    def append(self, _: Any) -> None:
        pass

    def extend(self, _: Any) -> None:
        pass


class _StorageType:
    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype


def _tensor(storage: Tensor, offset: int, size: Any, stride: Any, *_: Any) -> Tensor:
    needed = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) + 1
    if offset < 0 or any(s < 0 for s in stride) or (0 not in size and needed > len(storage)):
        raise WeightsError("a tensor reaches past the end of its storage: the file is damaged")
    return storage.as_strided(tuple(size), tuple(stride), offset).clone()


def _parameter(data: Tensor, *_: Any) -> Tensor:
    return data


_KNOWN: Mapping[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
}


class _Reader(pickle.Unpickler):
    def __init__(self, stream: IO[bytes], archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(stream, encoding="utf-8")
        self._archive, self._folder = archive, folder
        self._storages: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _KNOWN:
            return _KNOWN[module, name]
        if module in ("torch", "torch.storage") and name in _DTYPES:
            return _StorageType(_DTYPES[name])
        if (module, name) in _SHELL_NAMES or f"{module}.".startswith(_SHELLS):
            return Shell
        raise WeightsError(
            f"the file wants to run {module}.{name}, which no weight file needs: do not use it, "
            "and fetch it again from the address in 'empatheia weights list'"
        )

    def persistent_load(self, pid: Any) -> Tensor:
        kind, storage_type, key, _, count = pid
        if kind != "storage" or not isinstance(storage_type, _StorageType):
            raise WeightsError("the file keeps something that is no tensor")
        if key not in self._storages:
            data = self._archive.read(f"{self._folder}/data/{key}")
            if len(data) < count * storage_type.dtype.itemsize:
                raise WeightsError(f"storage {key} is cut short: fetch the file again")
            self._storages[key] = (
                torch.frombuffer(bytearray(data), dtype=storage_type.dtype)
                if data
                else torch.empty(0, dtype=storage_type.dtype)
            )
        return self._storages[key]


def read(path: Path) -> Any:
    """The contents of a checkpoint: dictionaries, lists, numbers and tensors.

    Raises WeightsError naming the file and the fault: absent, a Git LFS pointer, cut short, an old
    format, or a name that is not needed for weights.
    """
    try:
        pointer = is_lfs_pointer(path)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}") from error
    if pointer:
        raise WeightsError(
            f"{path} is a Git LFS pointer, not the file itself: run 'git lfs pull', or download it "
            "from the address in 'empatheia weights list'"
        )
    if not zipfile.is_zipfile(path):
        raise WeightsError(
            f"{path} is cut short or no PyTorch checkpoint of version 1.6 or later: fetch it again"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            name = next((n for n in archive.namelist() if n.endswith("data.pkl")), None)
            if name is None:
                raise WeightsError(f"{path} is a zip without data.pkl: not a PyTorch checkpoint")
            with archive.open(name) as stream:
                return _Reader(stream, archive, name.rpartition("/")[0]).load()
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error
    except Exception as error:  # a damaged pickle can fail in any way
        raise WeightsError(f"{path} is damaged ({type(error).__name__}: {error})") from error


def tensors_in(value: Any, where: str) -> dict[str, Tensor]:
    """The tensors of a dictionary of tensors. Raises WeightsError where it is something else."""
    if not isinstance(value, Mapping):
        raise WeightsError(f"{where} is no dictionary of tensors: not the expected checkpoint")
    strange = [str(name) for name, item in value.items() if not isinstance(item, Tensor)]
    if strange:
        raise WeightsError(f"{where} holds other things than tensors: {', '.join(strange[:5])}")
    return {str(name): item for name, item in value.items()}
