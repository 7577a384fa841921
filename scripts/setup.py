"""Set up and run Empatheia with nothing but Python: ``python scripts/setup.py demo``.

Commands: ``demo`` answers an example, ``test`` runs all tests, ``check`` runs only the style, type
and layer checks, ``install`` only installs. Words after ``--`` or after the command are passed on
(``setup.py test tests/data -x``).

Everything is installed into ``.venv`` beside this repository. Repeating a command installs nothing
as long as pyproject.toml, the interpreter and the folder are the same. PyTorch: see ``--torch``.

Only the standard library is used, and nothing newer than Python 3.6 is needed to read this file,
so that an old interpreter can look for a newer one and say what is missing.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "empatheia-setup.json"
OLDEST = (3, 11)
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PIP_JSON = "https://pypi.org/pypi/pip/json"
EXTRAS = {"demo": "", "install": "", "test": "test", "check": "test"}
SIZES = {"": "about 180 MB besides PyTorch", "test": "about 330 MB besides PyTorch"}


class SetupError(Exception):
    """Something a person has to do; printed on one line."""


def say(line: str) -> None:
    print("setup: " + line, file=sys.stderr, flush=True)


# --- which Python -----------------------------------------------------------------------------


def newer_python() -> str:
    """Path of a Python >= 3.11 on PATH. Raises SetupError when there is none."""
    test = f"import sys; sys.exit(sys.version_info < {OLDEST!r})"
    for name in ("python3.13", "python3.12", "python3.11", "python3.14", "python3", "python"):
        path = shutil.which(name)
        if path and subprocess.call([path, "-c", test], stderr=subprocess.DEVNULL) == 0:
            return path
    raise SetupError(
        "Python {}.{} or newer is needed, this is {}. Install one from https://www.python.org "
        "and run it with this file, or: make demo PYTHON=/path/to/python3.12".format(
            *OLDEST, sys.version.split()[0]
        )
    )


def venv_python() -> Path:
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


# --- the virtual environment --------------------------------------------------------------------


def run(command: list, what: str) -> None:
    """Run ``command``; SetupError names ``what`` failed and how to see it again."""
    code = subprocess.call([str(word) for word in command], cwd=str(ROOT))
    if code:
        raise SetupError(f"{what} failed (exit code {code}): the lines above say why")


def works(*command: object) -> bool:
    words = [str(word) for word in command]
    try:
        return subprocess.call(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def make_venv() -> None:
    """Create ``.venv`` with pip in it, also where Debian has split ``ensurepip`` off."""
    if VENV.exists():
        shutil.rmtree(str(VENV))
    say("creating .venv with Python " + sys.version.split()[0])
    if works(sys.executable, "-c", "import venv, ensurepip"):
        run([sys.executable, "-m", "venv", VENV], "creating .venv")
    elif works(sys.executable, "-c", "import venv"):
        run([sys.executable, "-m", "venv", "--without-pip", VENV], "creating .venv")
        bring_pip()
    else:
        raise SetupError(
            "this Python has no venv module. On Debian or Ubuntu: sudo apt-get install "
            "python3-venv; elsewhere install Python from https://www.python.org"
        )


def bring_pip() -> None:
    """Put pip into a virtual environment made without it, from PyPI, checked by its SHA-256."""
    say("this Python lacks ensurepip; fetching pip itself from pypi.org (2 MB)")
    try:
        with urllib.request.urlopen(PIP_JSON, timeout=30) as answer:
            found = json.load(answer)["urls"]
        wheel = next(item for item in found if item["packagetype"] == "bdist_wheel")
        with urllib.request.urlopen(
            urllib.parse.urljoin(PIP_JSON, wheel["url"]), timeout=60
        ) as answer:
            content = answer.read()
    except (OSError, ValueError, KeyError, StopIteration) as error:
        raise SetupError(
            f"pip is missing and could not be fetched from pypi.org ({error}). "
            "On Debian or Ubuntu: sudo apt-get install python3-venv, then repeat"
        ) from error
    if hashlib.sha256(content).hexdigest() != wheel["digests"]["sha256"]:
        raise SetupError("the pip fetched from pypi.org is damaged: repeat")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / wheel["filename"]
        path.write_bytes(content)
        run([venv_python(), path / "pip", "install", "--no-index", path], "installing pip")


# --- what to install ----------------------------------------------------------------------------


def torch_requirement() -> str:
    """The one line of pyproject.toml that caps PyTorch."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return next(line for line in project["dependencies"] if line.startswith("torch>"))


def reachable(url: str) -> bool:
    request = urllib.request.Request(url, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=6):
            return True
    except (OSError, ValueError):
        return False


def torch_options(choice: str) -> list:
    """pip options for ``--torch``, saying what that choice means for the download."""
    if choice not in ("cpu", "pip"):
        say("PyTorch: from the index " + choice)
        return ["--extra-index-url", choice]
    if not sys.platform.startswith("linux"):
        say("PyTorch: the package on PyPI, about 100 MB (use --torch URL for another build)")
        return []
    if choice == "cpu" and reachable(CPU_INDEX + "/torch/"):
        say("PyTorch: the CPU build from " + CPU_INDEX + ", about 190 MB")
        return ["--extra-index-url", CPU_INDEX]
    if choice == "cpu":
        say(CPU_INDEX + " cannot be reached; asking pip's own package index instead")
    if pip_would_bring_cuda():
        say("PyTorch: this build brings CUDA libraries, about 3 GB. Ctrl-C to stop; then")
        say("  --torch URL (or EMPATHEIA_TORCH=URL) names an index that has the CPU build")
    else:
        say("PyTorch: a build without CUDA libraries, about 200 MB")
    return []


def pip_would_bring_cuda() -> bool:
    command = [str(venv_python()), "-m", "pip", "install", "--dry-run", "--quiet", "--report", "-"]
    result = subprocess.run(
        [*command, torch_requirement()], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    return b'"nvidia-' in result.stdout or b'"cuda-' in result.stdout


# --- installing ---------------------------------------------------------------------------------


def fingerprint(choice: str) -> str:
    """Changes whenever an installation made before can no longer be trusted."""
    parts = [(ROOT / "pyproject.toml").read_bytes(), sys.version.encode(), str(ROOT).encode()]
    return hashlib.sha256(b"\0".join([*parts, choice.encode()])).hexdigest()


def installed(choice: str, extra: str) -> bool:
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    same = stamp.get("fingerprint") == fingerprint(choice)
    return same and extra in stamp.get("extras", []) and venv_python().exists()


def install(choice: str, extra: str) -> None:
    """Bring ``.venv`` up to date; returns at once when it already is."""
    if installed(choice, extra):
        return
    previous = json.loads(STAMP.read_text(encoding="utf-8")) if STAMP.exists() else {}
    if not works(venv_python(), "-m", "pip", "--version") or (
        previous.get("python") != sys.version or previous.get("root") != str(ROOT)
    ):
        make_venv()
        previous = {}
    say("downloading and installing packages into .venv: " + SIZES[extra])
    pip = [venv_python(), "-m", "pip", "install", "--disable-pip-version-check", "--no-compile"]
    if not works(venv_python(), "-c", "import torch"):
        run([*pip, torch_requirement(), *torch_options(choice)], "installing PyTorch")
    run([*pip, "--editable", f".[{extra}]" if extra else "."], "installing packages")
    extras = sorted({extra, "", *previous.get("extras", [])})
    stamp = {"fingerprint": fingerprint(choice), "extras": extras}
    stamp.update(python=sys.version, root=str(ROOT))
    part = STAMP.with_name(STAMP.name + ".part")
    part.write_text(json.dumps(stamp), encoding="utf-8")
    part.replace(STAMP)
    say("ready")


# --- commands -----------------------------------------------------------------------------------


# One process a core, each file of tests in one of them.
SIDE_BY_SIDE = ["-n", "auto", "--maxprocesses", "8", "--dist", "loadfile"]


def surroundings(command: str) -> dict:
    """The environment of the command: processes side by side do not want two threads each."""
    alone = {"OMP_NUM_THREADS": "1"} if command == "test" else {}
    return {**os.environ, **alone}


def command_line(command: str, rest: list) -> list:
    """The command to hand over to once everything is installed."""
    if command == "demo":
        example = str(ROOT / "examples" / "dialogue.json")
        out = [] if any(word in ("-o", "--out") for word in rest) else ["-o", str(ROOT / "out")]
        return [venv_python(), "-m", "empatheia", "reply", "--dialogue", example, *out, *rest]
    if command == "test":
        return [venv_python(), "-m", "pytest", *SIDE_BY_SIDE, *rest]
    if command == "check":
        only = ["tests/test_style.py", "tests/test_layers.py"]
        return [venv_python(), "-m", "pytest", *only, *rest]
    return []


def parse(words: list) -> tuple:
    parser = argparse.ArgumentParser(description="Set up Empatheia in .venv and run it.")
    parser.add_argument("--torch", default=os.environ.get("EMPATHEIA_TORCH", "cpu"),
        help="cpu (default): the CPU build where it can be had; pip: whatever pip finds, "
        "with CUDA on Linux; or the URL of a package index. Also EMPATHEIA_TORCH.")  # fmt: skip
    parser.add_argument("command", choices=sorted(EXTRAS))
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="passed on to the command")
    given = parser.parse_args(words)
    return given.torch, given.command, [word for word in given.rest if word != "--"]


def main(words: list) -> int:
    try:
        if sys.version_info < OLDEST:
            return subprocess.call([newer_python(), __file__, *words])
        choice, command, rest = parse(words)
        install(choice, EXTRAS[command])
        line = [str(word) for word in command_line(command, rest)]
        if not line:
            return 0
        folder = None if command == "demo" else str(ROOT)
        return subprocess.call(line, cwd=folder, env=surroundings(command))
    except SetupError as error:
        say("error: " + str(error))
        return 2
    except OSError as error:
        say(f"error: {error}. Check free disk space and that this folder can be written")
        return 2
    except KeyboardInterrupt:
        say("interrupted; repeat the command to continue")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
