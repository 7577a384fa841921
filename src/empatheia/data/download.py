"""Fetching a release from its hub: size and licence first, then resumably, then a mark."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

from empatheia.errors import InputError, unknown
from empatheia.files import write_whole

REPOSITORIES: Final = {"avamerg": "ZhangHanXD/AvaMERG"}
DONE: Final = ".download.json"


@dataclass(frozen=True, slots=True)
class Offer:
    """What would be fetched."""

    name: str
    repository: str
    revision: str
    licence: str
    files: int
    bytes: int

    def line(self) -> str:
        return (
            f"{self.repository} at {self.revision[:12]}: {self.files:,} files, "
            f"{self.bytes / 1e9:.2f} GB, licence: {self.licence}"
        )


def offer(name: str, only: str | None = None) -> Offer:
    """Ask the hub for size and licence. ``only``: a pattern of file names, as in ``*.json``.

    Raises InputError where the name is unknown or the hub does not answer.
    """
    if name not in REPOSITORIES:
        raise InputError(unknown("release", name, REPOSITORIES))
    repository = REPOSITORIES[name]
    with _hub_errors(repository):
        from huggingface_hub import HfApi

        info: Any = HfApi().dataset_info(repository, files_metadata=True)
        files = [f for f in info.siblings or () if only is None or fnmatch(f.rfilename, only)]
        card = info.card_data or {}
        licence = card.get("license") or "not stated; ask the authors"
        size = sum(f.size or 0 for f in files)
        return Offer(name, repository, str(info.sha), str(licence), len(files), size)


def is_done(folder: Path, wanted: Offer) -> bool:
    """Whether exactly this was fetched into ``folder`` before."""
    try:
        told = json.loads((folder / DONE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(told == asdict(wanted))


def fetch(wanted: Offer, folder: Path, only: str | None = None) -> None:
    """Fetch what is missing in ``folder``; a second call does nothing. Raises InputError."""
    if is_done(folder, wanted):
        return
    with _hub_errors(wanted.repository):
        from huggingface_hub import snapshot_download

        snapshot_download(
            wanted.repository,
            repo_type="dataset",
            revision=wanted.revision,
            local_dir=folder,
            allow_patterns=only,
        )
    write_whole(folder / DONE, json.dumps(asdict(wanted), indent=1).encode() + b"\n")


@contextmanager
def _hub_errors(repository: str) -> Iterator[None]:
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    where = f"https://huggingface.co/datasets/{repository}"
    try:
        yield
    except GatedRepoError as error:
        raise InputError(f"{where} wants you to agree to its terms there, then: hf auth login"
                         ) from error  # fmt: skip
    except RepositoryNotFoundError as error:
        raise InputError(f"{where} is not there, or not for everybody: look there.") from error
    except (HfHubHTTPError, OSError) as error:
        raise InputError(f"{where} cannot be reached: {type(error).__name__}. Try again; what was "
                         "fetched is kept.") from error  # fmt: skip
    except Exception as error:  # the hub's own transport errors are not public names
        if "httpx" not in type(error).__module__:
            raise
        raise InputError(f"{where} cannot be reached: {type(error).__name__}. Try again; what was "
                         "fetched is kept.") from error  # fmt: skip
