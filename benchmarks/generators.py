"""How long the published generators take: ``python benchmarks/generators.py``.

Our networks alone, at full size on seeded random weights, on a CPU; work does not depend on what
the weights say. Prints a Markdown table: CPU seconds of one call (the least of ``-n``; a loaded
machine slows the clock on the wall, not this one), the real-time factor, and how far bfloat16 or
the compiled network is from float32, in dB below the signal (for pictures, of 255).

Ours beside the published code is in docs/porting.md; that code is not in this repository.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from empatheia.face.dreamtalk.network import FaceConfig, TalkingFace
from empatheia.face.pirenderer.network import PIRenderer
from empatheia.speech.styletts2 import config as voices
from empatheia.speech.styletts2.decoder import Decoder
from empatheia.speech.styletts2.network import StyleTTS2

TOKENS, FRAMES = 48, 120  # 3 s of speech: frames of 25 ms
PICTURES = 75


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    seconds: float
    lasts: float  # seconds of what was made
    below: float | None = None  # dB of the difference to float32


def least(call: Callable[[], Tensor], repeat: int) -> tuple[float, Tensor]:
    """CPU seconds of the quickest call, after one that is not counted, and what it made."""
    made = call()
    times = []
    for _ in range(repeat):
        begun = time.process_time()
        made = call()
        times.append(time.process_time() - begun)
    return min(times), made


def decibels(made: Tensor, wanted: Tensor) -> float:
    """Of the difference, below the signal: -40 is a hundredth of its size."""
    difference = (made.float() - wanted.float()).square().mean()
    return float(10 * torch.log10(difference / wanted.float().square().mean()))


def variants(
    name: str, network: nn.Module, call: Callable[[nn.Module], Tensor], lasts: float, args: Args
) -> list[Row]:
    """float32, then bfloat16 (autocast) and compiled where they are asked for."""
    seconds, wanted = least(lambda: call(network), args.repeat)
    rows = [Row(f"{name}, float32", seconds, lasts)]
    if args.bf16:
        with torch.autocast("cpu", torch.bfloat16):
            seconds, made = least(lambda: call(network), args.repeat)
        rows.append(Row(f"{name}, bfloat16", seconds, lasts, decibels(made, wanted)))
    if args.compiled:
        (network.generator if isinstance(network, Decoder) else network).compile()
        seconds, made = least(lambda: call(network), args.repeat)
        rows.append(Row(f"{name}, compiled", seconds, lasts, decibels(made, wanted)))
    return rows


def voice(kind: str, args: Args) -> list[Row]:
    """The decoder, which is most of the work of a sentence."""
    network = StyleTTS2(voices.libritts() if kind == "hifigan" else voices.ljspeech()).eval()
    content, pitch = torch.randn(1, 512, FRAMES), torch.full((1, 2 * FRAMES), 180.0)
    energy, style = torch.zeros(1, 2 * FRAMES), torch.randn(1, 128) * 0.1
    noise = torch.randn(network.decoder.generator.noise_shape(pitch))
    decoder = network.decoder

    def call(made: nn.Module) -> Tensor:
        found: Tensor = made(content, pitch, energy, style, noise)
        return found

    return variants(f"StyleTTS2 decoder ({kind})", decoder, call, FRAMES * 0.025, args)


def face(kind: str, args: Args) -> list[Row]:
    network = TalkingFace(FaceConfig(kind=kind)).eval()  # type: ignore[arg-type]
    spoken = torch.randint(0, 41, (PICTURES, 11))
    sounds = torch.randn(PICTURES, 11, 1024) if kind == "dreamtalk" else spoken
    clip, noise = torch.randn(100, 64), torch.randn(PICTURES, 64)

    def call(made: nn.Module) -> Tensor:
        assert isinstance(made, TalkingFace)
        return made.animate(made.content_encoder(sounds), made.encode_style(clip), noise)

    return variants(kind, network, call, PICTURES / 25, args)


def painter(args: Args) -> list[Row]:
    network = PIRenderer().eval()
    image, window = torch.rand(1, 3, 256, 256) * 2 - 1, torch.randn(1, 73, 27) * 0.1

    begun = network.begin(image)

    def call(made: nn.Module) -> Tensor:
        found: Tensor = made(begun, window).picture
        return found

    return variants("PIRenderer, a picture of a video", network, call, 1 / 25, args)


PARTS: dict[str, Callable[[Args], list[Row]]] = {
    "styletts2-hifigan": lambda a: voice("hifigan", a),
    "styletts2-istftnet": lambda a: voice("istftnet", a),
    "dreamtalk": lambda a: face("dreamtalk", a),
    "styletalk": lambda a: face("styletalk", a),
    "pirenderer": painter,
}


class Args(argparse.Namespace):
    parts: list[str]
    repeat: int
    bf16: bool
    compiled: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("-n", "--repeat", type=int, default=3)
    parser.add_argument("--bf16", action="store_true", help="also in bfloat16")
    parser.add_argument("--compiled", action="store_true", help="also compiled (minutes more)")
    args = parser.parse_args(namespace=Args())
    wrong = [part for part in args.parts if part not in PARTS]
    if wrong or args.repeat < 1:
        parser.error(f"unknown {', '.join(wrong)}; give {', '.join(PARTS)}, and -n from 1")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, one thread, least of {args.repeat}\n")
    print("| | CPU s | real-time factor | below float32, dB |\n|---|---|---|---|")
    with torch.inference_mode():
        for part in args.parts or PARTS:
            for row in PARTS[part](args):
                below = "" if row.below is None else f"{row.below:.0f}"
                pace = row.seconds / row.lasts
                print(f"| {row.name} | {row.seconds:.2f} | {pace:.2f} | {below} |", flush=True)


if __name__ == "__main__":
    main()
