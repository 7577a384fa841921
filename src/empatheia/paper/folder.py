"""Where the files of the paper's system lie, and one line about what is missing.

models/                      EMPATHEIA_MODELS names another place
  vicuna/ (or flan-t5-xxl/, chatglm3/, glm4/)  hubert/  clip/  wav2vec2/    published folders
  voice.safetensors  voice-styles.safetensors                    StyleTTS2, its mean styles
  face.safetensors   face-styles.safetensors  renderer.safetensors
  portraits/  pose.mat                                           may be left out
  trained/                                                       of ``train all --preset paper``
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from empatheia.errors import WeightsError

VARIABLE = "EMPATHEIA_MODELS"
BACKBONES = ("vicuna", "flan-t5-xxl", "chatglm3", "glm4")
_GET = "empatheia weights get {name} -o {root}"
_CONVERT = "empatheia weights convert {kind} FILE -o {path}"
_STYLES = "empatheia weights styles {kind} {of} CLIPS -o {path}"


@dataclass(frozen=True, slots=True)
class Models:
    """The folder and the backbone that is chosen from it."""

    root: Path
    backbone: str = "vicuna"

    @classmethod
    def here(cls, backbone: str = "vicuna") -> Models:
        """``$EMPATHEIA_MODELS``, else ``models`` where one stands."""
        return cls(Path(os.environ.get(VARIABLE) or "models"), backbone)

    @property
    def llm(self) -> Path:
        return self.root / self.backbone

    @property
    def hubert(self) -> Path:
        return self.root / "hubert"

    @property
    def clip(self) -> Path:
        return self.root / "clip"

    @property
    def wav2vec2(self) -> Path:
        return self.root / "wav2vec2"

    def file(self, name: str) -> Path:
        """``voice``, ``voice-styles``, ``face``, ``face-styles`` or ``renderer``."""
        return self.root / f"{name}.safetensors"

    @property
    def portraits(self) -> Path | None:
        found = self.root / "portraits"
        return found if found.is_dir() else None

    @property
    def pose(self) -> Path | None:
        found = self.root / "pose.mat"
        return found if found.is_file() else None

    @property
    def trained(self) -> Path:
        return self.root / "trained"

    def commands(self, hears: bool = True) -> dict[Path, str]:
        """Each path that the system needs and the command that makes it."""
        root = self.root
        folders = {self.llm: self.backbone, self.hubert: "hubert", self.clip: "clip"}
        folders |= {self.wav2vec2: "wav2vec2"} if hears else {}
        found = {path: _GET.format(name=name, root=root) for path, name in folders.items()}
        kinds = {"voice": "styletts2", "face": "dreamtalk", "renderer": "pirenderer"}
        for name, kind in kinds.items():
            path = self.file(name)
            found[path] = _CONVERT.format(kind=kind, path=path)
            if name != "renderer":
                styles = self.file(f"{name}-styles")
                found[styles] = _STYLES.format(kind=name, of=path, path=styles)
        return found

    def need(self, paths: Iterable[Path]) -> None:
        """Raise WeightsError, one line, unless all of ``paths`` are there."""
        commands = self.commands()
        lost = [path for path in paths if not path.exists()]
        if lost:
            told = "; ".join(f"{p.relative_to(self.root)} ({commands[p]})" for p in lost)
            raise WeightsError(
                f"preset paper: {len(lost)} of its parts "
                f"{'is' if len(lost) == 1 else 'are'} not in {self.root}: {told}"
            )

    def generators(self) -> list[Path]:
        """Voice and face, and wav2vec2 where the face hears."""
        names = ("voice", "voice-styles", "face", "face-styles", "renderer")
        return [*map(self.file, names), *([self.wav2vec2] if self.hears else [])]

    def language(self) -> list[Path]:
        """Language model, ear and eye."""
        return [self.llm, self.hubert, self.clip]

    @property
    def hears(self) -> bool:
        """Whether the face is DreamTalk, which hears; StyleTalk reads phonemes."""
        from empatheia import hub

        face = self.file("face")
        return not face.is_file() or hub.about(face).get("kind") != "styletalk"
