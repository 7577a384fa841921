"""The error border and the help of every command."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

import empatheia as package
from empatheia import presets
from empatheia.cli import main, system
from empatheia.cli.doctor import findings


@pytest.mark.parametrize(
    "words", [(), ("reply",), ("chat",), ("evaluate",), ("evaluate", "text"), ("train",),
              ("doctor",)]
)  # fmt: skip
def test_help(empatheia, words):
    outcome = empatheia(*words, "--help")
    assert outcome.code == 0
    assert "Usage" in outcome.out


def test_the_presets_of_the_commands_are_those_that_can_be_opened():
    assert system.PRESETS == tuple(presets.PRESETS) == tuple(presets.REASONERS)


def test_version(empatheia):
    assert empatheia("--version").out == f"empatheia {package.__version__}\n"


def test_unknown_command_is_one_line(empatheia):
    outcome = empatheia("replly")
    assert outcome.code == 2
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("\n") == 1


def test_a_missing_system_library_is_one_line(empatheia, monkeypatch):
    def build_app():
        raise ImportError("libGL.so.1: cannot open shared object file")

    monkeypatch.setattr(main, "build_app", build_app)
    outcome = empatheia("avatars")
    assert outcome.code == 2
    assert outcome.err.startswith("error: libGL.so.1: cannot open")
    assert "doctor" in outcome.err
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nGPU 0 has"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_a_full_memory_is_one_line(empatheia, monkeypatch, error):
    def build_app():
        raise error

    monkeypatch.setattr(main, "build_app", build_app)
    outcome = empatheia("avatars")
    assert outcome.code == 2
    assert outcome.err.startswith("error: the memory is full")
    assert "EMPATHEIA_DEVICE" in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_message_with_line_breaks_becomes_one_line():
    assert main.one_line(ValueError("a\nb\n  c")) == "a b c"
    assert main.one_line(ValueError()) == "ValueError"


def test_reader_that_goes_away():
    """A closed pipe ends the command quietly, without a traceback."""
    command = f"{sys.executable} -m empatheia --help | true"
    done = subprocess.run(command, shell=True, capture_output=True, timeout=60)
    assert b"Traceback" not in done.stderr


def test_doctor_never_breaks():
    names = [finding.name for finding in findings()]
    assert {"Python", "cores", "PyTorch", "H.264 encoder", "AAC encoder", "weights"} <= set(names)
