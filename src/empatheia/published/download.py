"""One file from the web, resumed where it stopped, checked, and renamed when it is whole."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from pathlib import Path

from empatheia.errors import WeightsError

_BLOCK = 1 << 20


def download(url: str, target: Path, sha256: str = "") -> str:
    """Fetch ``url`` to ``target``; a line about what was done. Raises WeightsError.

    A part that an earlier call left is continued. Where ``sha256`` is known it must agree.
    """
    if target.is_file():
        return f"{target} is already there ({_check(target, sha256)})"
    part = target.with_name(target.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            goes_on = have > 0 and answer.status == 206
            with part.open("ab" if goes_on else "wb") as out:
                while block := answer.read(_BLOCK):
                    out.write(block)
            wanted = int(answer.headers.get("Content-Length") or 0) + (have if goes_on else 0)
    except (OSError, urllib.error.URLError) as error:
        raise WeightsError(
            f"{url} could not be fetched ({error}): call again to go on, or download it yourself"
        ) from error
    if wanted and part.stat().st_size < wanted:
        raise WeightsError(f"{target} stopped at {part.stat().st_size} bytes: call again to go on")
    found = _check(part, sha256)
    part.replace(target)
    return f"{target} ({found})"


def _check(path: Path, sha256: str) -> str:
    with path.open("rb") as handle:
        found = hashlib.file_digest(handle, "sha256").hexdigest()
    if sha256 and found != sha256:
        raise WeightsError(f"{path} has SHA-256 {found}, not {sha256}: delete it, fetch it again")
    return f"SHA-256 {found}"
