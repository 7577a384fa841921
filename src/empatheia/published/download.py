"""Files and folders from the web, resumed where they stopped, and checked."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from pathlib import Path

from empatheia.errors import MissingExtraError, WeightsError
from empatheia.files import make_folder

_BLOCK = 1 << 20
_NOTHING_LEFT = 416  # the answer to a range behind the end


def begun(target: Path) -> bool:
    """Whether an earlier call has fetched anything of a file or folder."""
    return target.exists() or _part(target).exists()


def _part(target: Path) -> Path:
    return target.with_name(target.name + ".part")


def download(url: str, target: Path, sha256: str = "") -> str:
    """Fetch ``url`` to ``target``; a line about what was done. WeightsError, InputError.

    A part that an earlier call left is continued. Where ``sha256`` is known it must agree.
    """
    if target.is_file():
        return f"{target} is already there ({_check(target, sha256)})"
    part = _part(target)
    make_folder(part.parent)
    try:
        wanted = _fetch(url, part)
    except (OSError, urllib.error.URLError) as error:
        raise WeightsError(
            f"{url} could not be fetched ({error}): call again to go on, or download it yourself"
        ) from error
    if wanted and part.stat().st_size < wanted:
        raise WeightsError(f"{target} stopped at {part.stat().st_size} bytes: call again to go on")
    found = _check(part, sha256)
    part.replace(target)
    return f"{target} ({found})"


def _fetch(url: str, part: Path) -> int:
    """Add to ``part`` what it lacks; how many bytes the whole has, 0 where that is not told."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            goes_on = have > 0 and answer.status == 206
            with part.open("ab" if goes_on else "wb") as out:
                while block := answer.read(_BLOCK):
                    out.write(block)
            return int(answer.headers.get("Content-Length") or 0) + (have if goes_on else 0)
    except urllib.error.HTTPError as error:
        if error.code != _NOTHING_LEFT or not have:
            raise
        if str(error.headers.get("Content-Range")).rpartition("/")[2] == str(have):
            return have  # all of it came, and only the check was stopped
    part.unlink()  # it is not the beginning of this file
    return _fetch(url, part)


def _check(path: Path, sha256: str) -> str:
    with path.open("rb") as handle:
        found = hashlib.file_digest(handle, "sha256").hexdigest()
    if sha256 and found != sha256:
        raise WeightsError(f"{path} has SHA-256 {found}, not {sha256}: delete it, fetch it again")
    return f"SHA-256 {found}"


def download_folder(repository: str, target: Path) -> str:
    """The model of a hub repository to the folder ``target``; a line about what was done.

    Goes on where an earlier call stopped. Safetensors are taken where there are any, and nothing
    that could be run. Raises WeightsError, MissingExtraError.
    """
    try:
        from huggingface_hub import HfApi, snapshot_download
        from huggingface_hub.errors import GatedRepoError
        from huggingface_hub.utils import logging
    except ImportError as error:
        raise MissingExtraError("huggingface-hub", "paper") from error
    try:
        logging.set_verbosity_error()  # it tells each new try; the last is told below
        names = HfApi().list_repo_files(repository)
        safe = any(name.endswith(".safetensors") for name in names)
        kinds = ["*.json", "*.model", "*.safetensors" if safe else "pytorch_model*.bin"]
        snapshot_download(repository, local_dir=target, allow_patterns=kinds)
    except GatedRepoError as error:
        raise WeightsError(
            f"{repository} asks you to accept its licence: do that on its page, log in with "
            "'hf auth login', and call again"
        ) from error
    except Exception as error:  # the hub, the network and the disk fail in many ways
        line = " ".join(str(error).split())[:200]
        raise WeightsError(
            f"{repository} could not be fetched ({line}): call again to go on, or put its files "
            f"into {target} yourself"
        ) from error
    return f"{target} ({sum(f.stat().st_size for f in target.glob('*')) / 1e9:.1f} GB)"
