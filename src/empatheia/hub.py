"""Weight files: safetensors with a JSON header, matrices optionally in int8 or int4.

A tensor that goes by two names (tied embeddings) is stored once.

A matrix W (rows x columns) is stored as ``round(W / s)`` with one float32 scale ``s`` a row, which
quarters the download and changes no result that we measure (docs/experiments.md). With int4, 32
numbers of a row share a float16 scale, so that the largest of them is exactly -8 of it (the Q4_0
layout of llama.cpp); a model has to be trained for that (``training.rounding``). Loading gives
float32 back. A file is written under a temporary name and renamed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from empatheia.errors import WeightsError
from empatheia.files import digest_of, is_lfs_pointer, part_of

if TYPE_CHECKING:
    from torch import Tensor

_SCALE = "::scale"
_SCALE4 = "::scale4"
GROUP = 32  # numbers that share a scale in int4
MIN_QUANTIZED = 4096  # smaller tensors stay float32: they cost nothing and often matter more


@dataclass(frozen=True, slots=True)
class Weights:
    """Tensors by name, and what the file says about itself."""

    tensors: Mapping[str, Tensor]
    meta: Mapping[str, Any]
    digest: str  # first 16 hex digits of the file's SHA-256


def shipped(name: str) -> Path:
    """Path of a weight file that comes with the package; raises WeightsError if it is not there."""
    path = Path(str(files("empatheia").joinpath("weights", name)))
    if not path.is_file():
        raise WeightsError(
            f"weight file {name!r} is not in this installation: reinstall the package"
        )
    return path


def save(
    path: Path,
    tensors: Mapping[str, Tensor],
    meta: Mapping[str, Any],
    int8: bool = False,
    int4: Callable[[str], bool] | None = None,
) -> None:
    """Write ``tensors`` and ``meta`` (JSON-able). ``int8`` quantises large floating matrices.

    ``int4`` says by name which matrices get half a byte a number; their columns are whole groups.
    """
    import torch
    from safetensors.torch import save_file

    out: dict[str, Tensor] = {}
    aliases: dict[str, str] = {}
    seen: dict[tuple[object, ...], str] = {}
    for name, tensor in tensors.items():
        place = (tensor.data_ptr(), tensor.dtype, tuple(tensor.shape), tensor.stride())
        first = seen.setdefault(place, name) if tensor.numel() else name
        if first != name:
            aliases[name] = first
            continue
        value = tensor.detach().cpu().contiguous()
        if int4 is not None and int4(name):
            out[name], out[name + _SCALE4] = packed4(value)
        elif (
            int8
            and value.is_floating_point()
            and value.ndim >= 2
            and value.numel() >= MIN_QUANTIZED
        ):
            flat = value.float().reshape(value.shape[0], -1)
            scale = flat.abs().amax(1).clamp(min=1e-12) / 127
            quantised = torch.round(flat / scale[:, None]).clamp(-127, 127).to(torch.int8)
            out[name] = quantised.reshape(value.shape)
            out[name + _SCALE] = scale
        else:
            out[name] = value.clone()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = part_of(path)
    metadata = {"empatheia": json.dumps(dict(meta)), "aliases": json.dumps(aliases)}
    save_file(out, temporary, metadata=metadata)
    temporary.replace(path)


def load(path: Path) -> Weights:
    """Read a file written by :func:`save`. Raises WeightsError naming the file and the fault."""
    from safetensors import SafetensorError, safe_open

    try:
        digest = digest_of(path)
        with safe_open(path, framework="pt") as handle:
            header = handle.metadata() or {}
            meta, aliases = (json.loads(header.get(k, "{}")) for k in ("empatheia", "aliases"))
            stored = {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118
    except FileNotFoundError as error:
        raise WeightsError(f"no weight file at {path}") from error
    except (OSError, SafetensorError, ValueError) as error:
        raise _incomplete(path, error) from error
    tensors: dict[str, Tensor] = {}
    for name, value in stored.items():
        if name.endswith((_SCALE, _SCALE4)):
            continue
        scale = stored.get(name + _SCALE)
        if name + _SCALE4 in stored:
            tensors[name] = unpacked4(value, stored[name + _SCALE4])
        elif scale is not None:
            flat = value.reshape(value.shape[0], -1).float() * scale[:, None]
            tensors[name] = flat.reshape(value.shape)
        else:
            tensors[name] = value
    tensors |= {name: tensors[first] for name, first in aliases.items()}
    return Weights(tensors, meta, digest)


def _incomplete(path: Path, error: Exception) -> WeightsError:
    if path.is_file() and is_lfs_pointer(path):
        return WeightsError(f"{path} is a Git LFS pointer, not the file: run 'git lfs pull'")
    return WeightsError(f"{path} is not a complete safetensors file: {error}")


def about(path: Path) -> Mapping[str, Any]:
    """What a file says about itself, its tensors unread. Raises WeightsError."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as handle:
            told: dict[str, Any] = json.loads((handle.metadata() or {}).get("empatheia", "{}"))
    except FileNotFoundError as error:
        raise WeightsError(f"no weight file at {path}") from error
    except (OSError, SafetensorError, ValueError) as error:
        raise _incomplete(path, error) from error
    return told


def int4_names(path: Path) -> frozenset[str]:
    """Which tensors of a file are kept in half a byte a number. Raises WeightsError."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as handle:
            names = frozenset(handle.keys())
    except FileNotFoundError as error:
        raise WeightsError(f"no weight file at {path}") from error
    except (OSError, SafetensorError, ValueError) as error:
        raise _incomplete(path, error) from error
    return frozenset(n.removesuffix(_SCALE4) for n in names if n.endswith(_SCALE4))


def packed4(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Codes (rows, columns / 2) uint8 and scales (rows, columns / GROUP) float16 of a matrix."""
    import torch

    codes, scale = _codes4(weight.float())
    both = (codes + 8).to(torch.uint8).reshape(weight.shape[0], -1, 2)
    return both[..., 0] | (both[..., 1] << 4), scale


def unpacked4(codes: Tensor, scale: Tensor) -> Tensor:
    """What :func:`packed4` kept, as float32 (rows, columns)."""
    import torch

    both = torch.stack([codes & 15, codes >> 4], -1).reshape(codes.shape[0], -1, GROUP)
    whole = (both.float() - 8) * scale.float()[..., None]
    return whole.reshape(codes.shape[0], -1)


def rounded4(weight: Tensor) -> Tensor:
    """``weight`` as it comes back from a file in int4."""
    codes, scale = _codes4(weight.float())
    return (codes * scale.float()[..., None]).reshape(weight.shape).to(weight.dtype)


def _codes4(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Integers in [-8, 7] (rows, groups, GROUP) and their scales (rows, groups)."""
    import torch

    groups = weight.reshape(weight.shape[0], -1, GROUP)
    low, high = groups.amin(-1), groups.amax(-1)
    scale = (torch.where(-low > high, low, high) / -8).to(torch.float16)
    safe = torch.where(scale == 0, torch.ones_like(scale), scale).float()
    return (groups / safe[..., None]).round().clamp(-8, 7), scale
