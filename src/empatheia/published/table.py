"""Every file that the paper's system needs and nobody may ship: where it is and on what terms."""

from __future__ import annotations

from dataclasses import dataclass

from empatheia.errors import InputError, unknown


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """``sha256`` is empty until somebody who has the file has told us."""

    name: str
    what: str
    where: str
    megabytes: int  # about; 0: not known
    licence: str
    commercial: bool
    ask: str = ""  # how to get it where it is not simply downloaded
    sha256: str = ""
    url: str = ""  # a direct address, where there is one
    beside: tuple[str, ...] = ()  # small files that are needed with it

    @property
    def repository(self) -> str:
        """Of the hub, where the row is a whole folder; else empty."""
        whole = not self.url and not self.ask and self.where.startswith(_HUB)
        return self.where.removeprefix(_HUB) if whole else ""


_HUB = "https://huggingface.co/"
FILES = (
    PublishedFile(
        "styletts2-libritts", "StyleTTS2, many speakers", _HUB + "yl4579/StyleTTS2-LibriTTS", 771,
        "own terms: tell listeners that speech is synthetic, or have the voice's permission", True,
        url=_HUB + "yl4579/StyleTTS2-LibriTTS/resolve/main/Models/LibriTTS/epochs_2nd_00020.pth",
        beside=(_HUB + "yl4579/StyleTTS2-LibriTTS/resolve/main/Models/LibriTTS/config.yml",),
    ),
    PublishedFile(
        "styletts2-ljspeech", "StyleTTS2, one speaker", _HUB + "yl4579/StyleTTS2-LJSpeech", 750,
        "own terms: tell listeners that speech is synthetic, or have the voice's permission", True,
        url=_HUB + "yl4579/StyleTTS2-LJSpeech/resolve/main/Models/LJSpeech/epoch_2nd_00100.pth",
        beside=(_HUB + "yl4579/StyleTTS2-LJSpeech/resolve/main/Models/LJSpeech/config.yml",),
    ),
    PublishedFile(
        "kokoro", "Kokoro-82M 1.0, no style encoder", _HUB + "hexgrad/Kokoro-82M", 327,
        "Apache-2.0", True, url=_HUB + "hexgrad/Kokoro-82M/resolve/main/kokoro-v1_0.pth",
        beside=(_HUB + "hexgrad/Kokoro-82M/resolve/main/config.json",),
    ),
    PublishedFile(
        "dreamtalk", "DreamTalk denoising_network.pth", "https://github.com/ali-vilab/dreamtalk",
        47, "academic research only", False,
        ask="write to the authors by the address in the repository's README",
    ),
    PublishedFile(
        "dreamtalk-renderer", "DreamTalk renderer.pt, a PIRenderer that came with it",
        "https://github.com/ali-vilab/dreamtalk", 90, "academic research only", False,
        ask="it is sent with denoising_network.pth; pirenderer and styletalk-renderer are public",
    ),
    PublishedFile(
        "dreamtalk-clips", "DreamTalk data/style_clip/3DMM/*.mat (24 clips of three actors of "
        "MEAD) and the pose RichardShelby_front_neutral_level1_001.mat",
        "https://github.com/ali-vilab/dreamtalk", 5,
        "rights to MEAD's data are not granted with the repository: do not pass them on", False,
        ask="clone the repository: the clips are FACE_CLIPS, the pose is models/pose.mat",
    ),
    PublishedFile(
        "styletalk", "StyleTalk checkpoint, the open alternative to DreamTalk",
        "https://github.com/FuxiVirtualHuman/styletalk", 90,
        "MIT repository, but it moves coefficients of the Basel Face Model and is drawn by "
        "PIRenderer, both non-commercial", False,
        ask="follow the link to the checkpoints in the repository's README",
    ),
    PublishedFile(
        "styletalk-renderer", "StyleTalk renderer_checkpoint.pt, the same network as pirenderer",
        "https://github.com/FuxiVirtualHuman/styletalk", 90,
        "PIRenderer's generator: CC BY-NC 4.0", False,
        ask="follow the link to the checkpoints in the repository's README",
    ),
    PublishedFile(
        "pirenderer", "PIRenderer, the face of DreamTalk and StyleTalk",
        "https://github.com/RenYurui/PIRender", 270, "CC BY-NC 4.0", False,
        ask="follow the link to face.zip in the repository's README",
    ),
    PublishedFile(
        "deep3dfacerecon", "epoch_20.pth of Deep3DFaceRecon_pytorch: coefficients of a video, "
        "S^v's target", "the README of Deep3DFaceRecon_pytorch (Google Drive)", 0,
        "MIT code; of no use without bfm09", False,
        ask="follow the link in its README; name your program in EMPATHEIA_3DMM (docs/paper.md)",
    ),
    PublishedFile(
        "bfm09", "Basel Face Model 2009, which Deep3DFaceRecon needs",
        "the University of Basel", 0, "non-commercial, for each user who registers", False,
        ask="register for it there and accept its licence",
    ),
    PublishedFile(
        "wav2vec2", "wav2vec2-large-xlsr-53-english, what DreamTalk hears with",
        _HUB + "jonatasgrosman/wav2vec2-large-xlsr-53-english", 1262, "Apache-2.0", True,
    ),
    PublishedFile(
        "vicuna", "Vicuna-7B v1.5", _HUB + "lmsys/vicuna-7b-v1.5", 13477,
        "Llama 2 Community License", True,
    ),
    PublishedFile(
        "flan-t5-xxl", "Flan-T5 XXL, the second backbone of Table 2",
        _HUB + "google/flan-t5-xxl", 45088, "Apache-2.0", True,
    ),
    PublishedFile(
        "chatglm3", "ChatGLM3-6B, the third backbone, opened as transformers' GLM",
        _HUB + "THUDM/chatglm3-6b", 12488,
        "its own MODEL_LICENSE: commercial use after registering", True,
    ),
    PublishedFile(
        "glm4", "GLM-4-9B in transformers' layout, where ChatGLM3 is not to be had",
        _HUB + "THUDM/glm-4-9b-chat-hf", 18800,
        "glm-4 licence: commercial use after registering", True,
    ),
    PublishedFile(
        "hubert", "HuBERT-large", _HUB + "facebook/hubert-large-ll60k", 1262, "Apache-2.0", True,
    ),
    PublishedFile(
        "clip", "CLIP ViT-L/14 at 336 pixels", _HUB + "openai/clip-vit-large-patch14-336", 1711,
        "MIT repository", True,
    ),
)  # fmt: skip


def find(name: str) -> PublishedFile:
    """The row of that name. Raises InputError with the nearest names."""
    for row in FILES:
        if row.name == name:
            return row
    raise InputError(unknown("weights", name, [row.name for row in FILES]))
