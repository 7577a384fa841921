"""``empatheia evaluate face-clips`` and ``evaluate face``: the face, measured on decoded files."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

TeachersOption = Annotated[
    Path | None, typer.Option(help="Folder of `empatheia data teacher-speech`, not our own voice.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the ``evaluate`` group."""
    app.command("face-clips")(face_clips)
    app.command("face")(face)
    app.command("face-speed")(face_speed)
    app.command("face-hearing")(face_hearing)


def face_clips(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the mp4 files.")],
    teachers: TeachersOption = None,
    ravdess: Annotated[
        Path | None, typer.Option(help="Also faces that hear these recordings: 03-01-*.flac.")
    ] = None,
    lips: Annotated[int, typer.Option(min=1, help="Clips for lip-sync.")] = 50,
    recordings: Annotated[int, typer.Option(min=1, help="How many recordings.")] = 40,
    size: Annotated[int, typer.Option(help="Pixels.")] = 256,
) -> None:
    """Renders every avatar in every emotion and sentences for lip-sync, as mp4 files."""
    from empatheia.evaluation.face_clips import own_voice, recorded, write_clips
    from empatheia.evaluation.face_report import spread_recordings
    from empatheia.face import DrawnFace

    if teachers is None:
        from empatheia.speech.world.generator import WorldVoice

        said = own_voice(WorldVoice.load())
    else:
        from empatheia.training.face_hearing import teacher_speech

        said = recorded([s for s in teacher_speech(teachers, 90, 5) if s.seconds > 1.7])
    real = spread_recordings(ravdess, recordings) if ravdess else []
    drawn = DrawnFace.load(size)
    clips = write_clips(drawn, said, out, lips, recordings=real, tell=_report)
    typer.echo(f"wrote {len(clips)} clips to {out}")


def face(
    clips: Annotated[Path, typer.Option(help="Folder of `face-clips` with landmarks in it.")],
    mead: Annotated[Path | None, typer.Option(help="Folder of landmarks of MEAD clips.")] = None,
    mead_videos: Annotated[
        Path | None, typer.Option(help="Folder of the MEAD clips, for the style network.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write JSON here.")] = None,
) -> None:
    """Faces found, lip-sync, emotions and sharpness; landmarks come from face_landmarks."""
    from empatheia.evaluation.face_report import report
    from empatheia.files import check_writable, write_whole

    if out is not None:
        check_writable(out.parent)
    text = json.dumps(report(clips, mead, mead_videos), indent=1)
    if out is not None:
        write_whole(out, text.encode())
    typer.echo(text)


def face_speed(
    size: Annotated[int, typer.Option(help="Pixels.")] = 256,
    frames: Annotated[int, typer.Option(min=10)] = 100,
) -> None:
    """Pictures a second of processor time on one core, for each of four avatars."""
    import cv2
    import torch

    from empatheia.evaluation.face_report import speech_like
    from empatheia.face import DrawnFace

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    drawn = DrawnFace.load(size)
    rows: dict[str, Any] = {}
    for avatar in drawn.avatars()[::6]:
        begin = time.process_time()
        drawn.prepare(avatar)
        ready = time.process_time()
        content = drawn.encode_content(speech_like(frames / drawn.fps))
        style = drawn.style_for("happy", 1.0, avatar.profile)
        for _ in drawn.generate(avatar, content, style):
            pass
        rate = len(content) / (time.process_time() - ready)
        rows[avatar.id] = {
            "frames_per_second": round(rate, 1),
            "prepare_s": round(ready - begin, 2),
        }
    typer.echo(json.dumps({"size": size, "avatars": rows}, indent=1))


def face_hearing(
    ravdess: Annotated[Path, typer.Option(help="RAVDESS speech: 03-01-*.flac or .wav.")],
    clips: Annotated[int, typer.Option(min=1)] = 60,
) -> None:
    """Recordings without phoneme times: are lips closed in silence and open on loud voice?"""
    from empatheia.evaluation.face_report import hearing_on_recordings

    typer.echo(json.dumps(hearing_on_recordings(ravdess, clips), indent=1))


def _report(line: str) -> None:
    typer.echo(line, err=True)
