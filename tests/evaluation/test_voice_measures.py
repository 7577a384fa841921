"""The measurements themselves, on signals whose answer is known."""

from __future__ import annotations

import json

import numpy as np
import pytest

from empatheia.cli.evaluate_voice import _figures
from empatheia.data.actors import actor_clips
from empatheia.errors import InputError
from empatheia.evaluation.recogniser import (
    WordErrors,
    character_errors_of,
    edits,
    plain_words,
    total,
)
from empatheia.evaluation.speech_table import prosody_of
from empatheia.evaluation.voice import (
    _agrees,
    evaluate_voice,
    reply_sentences,
    speed,
    style_round_trip,
)
from empatheia.evaluation.voice_emotion import effects, mean_acoustics
from empatheia.evaluation.voice_picture import draw
from empatheia.media.audio import wav_bytes
from empatheia.speech.acoustics import Acoustics, measure, pitch_deviation
from empatheia.speech.world.generator import WorldVoice
from empatheia.types import Profile, Speech


def buzz(pitch: float, seconds: float = 1.0, level: float = 0.2) -> Speech:
    rate = 16000
    t = np.arange(int(seconds * rate)) / rate
    tones = sum(np.sin(2 * np.pi * pitch * k * t) / k for k in range(1, 20))
    audio = np.concatenate([np.zeros(3200), level * tones / 2, np.zeros(3200)])
    return Speech(audio.astype(np.float32), rate)


def test_pitch_duration_and_energy_are_measured() -> None:
    quiet, loud = measure(buzz(120, level=0.1)), measure(buzz(180, 0.5, level=0.2))
    assert quiet.pitch == pytest.approx(120, rel=0.02)
    assert loud.pitch == pytest.approx(180, rel=0.02)
    assert quiet.seconds == pytest.approx(1.0, abs=0.06)
    assert loud.energy - quiet.energy == pytest.approx(6.0, abs=0.6)
    change = effects(loud, quiet)
    assert change["pitch"] == pytest.approx(1.5, rel=0.03)
    assert change["rate"] == pytest.approx(2.0, rel=0.12)


def glide(low: float, high: float, seconds: float, power: int = 1) -> Speech:
    """A harmonic k of 1 / k ** power up to 7.6 kHz; the octaves pass evenly in time."""
    t = np.arange(int(seconds * 16_000)) / 16_000
    pitch = low * (high / low) ** (t / seconds)
    phase = 2 * np.pi * np.cumsum(pitch) / 16_000
    tones = [np.sin(k * phase) / k**power for k in range(1, int(7600 / high))]
    audio = np.concatenate([np.zeros(3200), 0.2 * np.sum(tones, 0), np.zeros(3200)])
    return Speech(audio.astype(np.float32), 16_000)


def test_prosody_of_known_glides(tmp_path) -> None:
    """An octave in 2 s: evenly spread over 12 semitones, as a ruler's marks are."""
    speech = glide(110, 220, 2.0)
    found = measure(speech)
    assert found.pitch == pytest.approx(110 * 2**0.5, rel=0.01)
    assert found.span == pytest.approx(0.8 * 12, rel=0.03)
    assert pitch_deviation(speech) == pytest.approx(12 / 12**0.5, rel=0.03)
    assert pitch_deviation(glide(150, 150, 1.0)) == pytest.approx(0, abs=0.05)
    assert found.seconds == pytest.approx(2.0, abs=0.06)
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(speech))
    told = prosody_of(path, "One two three, four: five.")
    assert told["rate"] == pytest.approx(2.5, rel=0.03)
    assert told["deviation"] == pytest.approx(12 / 12**0.5, rel=0.03)


@pytest.mark.parametrize(("power", "slope"), [(1, -6.02), (2, -12.04)])
def test_tilt_of_known_spectra(power: int, slope: float) -> None:
    """Amplitudes of 1 / k fall 6 dB an octave, of 1 / k^2 twice; low bands hold few."""
    assert measure(glide(100, 101, 1.0, power)).tilt == pytest.approx(slope, abs=0.5)


def test_energy_is_in_db_of_full_scale() -> None:
    t = np.arange(16_000) / 16_000
    wave = Speech((0.5 * np.sin(2 * np.pi * 150 * t)).astype(np.float32), 16_000)
    assert measure(wave).energy == pytest.approx(20 * np.log10(0.5) - 3.01, abs=0.1)


def test_character_errors_by_hand() -> None:
    found = character_errors_of(["ab", "c"], "Ab, cd!")
    assert (found.errors, found.words) == (1, 5)  # "ab cd": two words, a space, one sign missing


def test_nothing_to_measure_is_told() -> None:
    for audio in (np.zeros(16000), np.zeros(100)):
        with pytest.raises(InputError):
            measure(Speech(audio.astype(np.float32), 16000))


def test_means_of_ratios_are_geometric() -> None:
    mean = mean_acoustics([Acoustics(100, 2, 1, -20, -3), Acoustics(400, 8, 4, -10, -5)])
    assert (mean.pitch, mean.span, mean.seconds) == pytest.approx((200, 4, 2))
    assert (mean.energy, mean.tilt) == pytest.approx((-15, -4))


def test_word_errors() -> None:
    assert plain_words("Don't, STOP!") == ["dont", "stop"]
    assert edits(["a", "b", "c", "d"], ["a", "x", "d"]) == 2
    assert total([WordErrors(1, 4), WordErrors(1, 6)]).rate == pytest.approx(20.0)


def test_what_agrees_with_actors() -> None:
    assert _agrees("pitch", 1.3, 1.5)
    assert not _agrees("pitch", 0.9, 1.5)
    assert not _agrees("rate", 3.0, 1.2)
    assert _agrees("energy", 5.0, 9.0)
    assert not _agrees("energy", 1.5, 9.0)


def test_actor_names(tmp_path) -> None:
    (tmp_path / "03-01-05-02-01-02-20.flac").touch()
    (clip,) = actor_clips(tmp_path)
    assert (clip.emotion, clip.level, clip.actor) == ("angry", "strong", 20)
    with pytest.raises(InputError):
        list(actor_clips(tmp_path / "none"))


def test_sentences_of_listeners(tmp_path) -> None:
    path = tmp_path / "valid.jsonl"
    turns = [
        {"role": "speaker", "text": "I lost my dog yesterday."},
        {"role": "listener", "text": "I am so sorry to hear that. How?"},
    ]
    path.write_text(json.dumps({"utterances": turns}) + "\n")
    assert reply_sentences(path, 5) == ["I am so sorry to hear that."]
    with pytest.raises(InputError):
        reply_sentences(tmp_path / "none.jsonl", 5)


def test_measurements_run_on_any_voice(tmp_path) -> None:
    voice = WorldVoice.tiny()
    assert speed(voice, ["hello a hello"])["real_time_factor"] > 0
    found = style_round_trip(voice, ["hello a hello a hello a"], tmp_path)
    assert found["n"] == 24 * 8
    assert -1 <= found["lowest"] <= found["mean"] <= 1
    draw(voice, "hello", Profile(), {}, tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_a_stopped_evaluation_measures_what_is_missing(tmp_path) -> None:
    path = tmp_path / "valid.jsonl"
    turns = [{"role": "listener", "text": "Hello, I'm here, a hello."}]
    path.write_text((json.dumps({"utterances": turns}) + "\n") * 8)
    voice = WorldVoice.tiny()
    rest = {
        "exchanged_content", "emotion_effects", "profile_accuracy", "clean_sound",
        "style_round_trip", "word_errors",
    }  # fmt: skip
    steps = dict(evaluate_voice(voice, path, None, tmp_path, measured=rest))
    assert list(steps) == ["speed"]
    with pytest.raises(InputError, match="speed"):
        list(evaluate_voice(voice, path, None, tmp_path, only="sped"))
    path.write_text(json.dumps({"utterances": turns}) + "\n")
    with pytest.raises(InputError, match="at least 8"):
        list(evaluate_voice(voice, path, None, tmp_path))


def test_figures_of_another_voice_are_dropped(tmp_path) -> None:
    path = tmp_path / "voice.json"
    assert _figures(path, "a") == {"voice": "a"}
    path.write_text('{"voice": "a", "speed": 1}')
    assert _figures(path, "a") == {"voice": "a", "speed": 1}
    assert _figures(path, "b") == {"voice": "b"}
    path.write_text("{")
    with pytest.raises(InputError, match="delete it"):
        _figures(path, "a")
