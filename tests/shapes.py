"""Runs tests with every jaxtyping annotation checked by beartype: ``python shapes.py TESTS...``.

The annotations are seen by type checkers only, so that nobody has to install jaxtyping; here they
are switched on, module by module, before anything is imported.
"""

from __future__ import annotations

import sys
from typing import Any

import pytest
from jaxtyping import _import_hook as hook

CHECKED = ("empatheia.nn", "empatheia.latents", "empatheia.training.losses")


def switched_on(loader: Any, data: bytes, path: str, **rest: Any) -> Any:
    return compiled(loader, data.replace(b"if TYPE_CHECKING:", b"if True:"), path, **rest)


if __name__ == "__main__":
    compiled = hook._JaxtypingLoader.source_to_code
    hook._JaxtypingLoader.source_to_code = switched_on
    with hook.install_import_hook(list(CHECKED), "beartype.beartype"):
        sys.exit(pytest.main(["-n", "0", "--assert=plain", *sys.argv[1:]]))
