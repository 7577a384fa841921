"""Folders of ``transformers`` models, as the hub has them: opened whole or refused by name."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from empatheia.errors import WeightsError
from empatheia.files import is_lfs_pointer

_MADE_ANEW = ("masked_spec_embed", "position_ids", "rotary_emb.inv_freq")
# of training, or of the half of a file that another network reads
_NOT_READ = (
    *_MADE_ANEW, "lm_head.", "text_model.", "text_projection", "visual_projection", "logit_scale",
    "quantizer.", "project_hid.", "project_q.", "final_proj.", "label_embs_concat",
)  # fmt: skip


def settings(folder: Path) -> dict[str, Any]:
    """``config.json`` of a folder. Raises WeightsError."""
    path = folder / "config.json"
    if not path.is_file():
        raise WeightsError(
            f"no config.json in {folder}: give the whole folder of the model "
            "('empatheia weights get NAME' fetches it)"
        )
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise WeightsError(f"{path} holds no settings: fetch it again")
    return found


def weight_files(folder: Path) -> list[Path]:
    """The weight files, safetensors where there are any. Raises WeightsError: none, a pointer."""
    found = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))
    if not found:
        raise WeightsError(f"no *.safetensors or pytorch_model*.bin in {folder}: fetch it again")
    for path in found:
        if is_lfs_pointer(path):
            raise WeightsError(f"{path} is a Git LFS pointer, not the file: run 'git lfs pull'")
    for index in folder.glob("*.index.json"):
        named = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        lost = sorted(name for name in named if not (folder / name).is_file())
        beside = index.name.startswith("pytorch_model") and found[0].suffix == ".safetensors"
        if lost and not beside:
            raise WeightsError(f"{folder} lacks {', '.join(lost)}: fetch it again to go on")
    return found


def open_folder(folder: Path, kind: Any, **options: Any) -> Any:
    """A model of class ``kind`` filled from a folder, nothing of which is run.

    ``options`` go to ``from_pretrained`` (``dtype``, ``device_map``, ...). Raises WeightsError
    naming what is missing, of another shape or unknown.
    """
    settings(folder)
    weight_files(folder)
    try:
        with _quiet():
            model, told = kind.from_pretrained(
                folder,
                local_files_only=True,
                trust_remote_code=False,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are named below
                **options,
            )
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # each reader below has a tree of its own
        if "weights_only" in str(error):
            raise WeightsError(
                f"{folder}: a pickle in it wants to run what no weight file needs: do not use it, "
                "and fetch the folder again ('empatheia weights get NAME')"
            ) from error
        line = " ".join(str(error).split())[:300]
        raise WeightsError(
            f"{folder} cannot be opened as {kind.__name__}: {line}. 'empatheia weights get NAME' "
            "fetches what is damaged again once it is deleted"
        ) from error
    wrong = {
        "missing": _named(told["missing_keys"], _MADE_ANEW),
        "unexpected": _named(told["unexpected_keys"], _NOT_READ),
        "of another shape": _named(told.get("mismatched_keys", ()), ()),
    }
    parts = [
        f"{len(names)} {what}: {', '.join(names[:8])}{' ...' if len(names) > 8 else ''}"
        for what, names in wrong.items()
        if names
    ]
    if parts:
        raise WeightsError(f"{folder} does not fit {kind.__name__} ({'; '.join(parts)})")
    return model


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What it reports is told by us: no table of keys, no bar."""
    from transformers.utils import logging

    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()


def _named(keys: Any, but: tuple[str, ...]) -> list[str]:
    names = sorted(str(key[0] if isinstance(key, tuple) else key) for key in keys)
    return [name for name in names if not any(part in name for part in but)]
