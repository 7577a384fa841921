"""Styles that do what the plan says: moved until the voice's own pitch, rate and level agree.

A mean style that is heard from teachers understates what is hard to hear in two seconds, above all
the rate. The networks are differentiable, so each style of the table is moved along their gradient
until durations and frames show the planned numbers, and no further from where they were than that
needs; one that shows them already stays. Formants, and the tilt of a neutral voice, are no plain
numbers of its frames: the style encoder's own reading of them is used.

Letters: K styles, N phonemes, T steps of 10 ms, F = 2T frames.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from empatheia.speech.world.features import APERIODICITY_BANDS, BANDS, band_hertz
from empatheia.speech.world.network import VoiceNetwork
from empatheia.speech.world.notation import notate
from empatheia.speech.world.styles import EXPRESSIVE, LEVELS, StyleTable, plan, profiles
from empatheia.types import Phoneme, Profile

NUMBERS = ("pitch", "span", "rate", "energy", "tilt")
# A miss of this size costs one: shares of pitch, span and rate, dB, dB an octave.
_TOLERANCE = torch.tensor([0.04, 0.12, 0.03, 1.0, 0.25])
_STAY = 0.3  # cost of a unit of squared distance from the style at the start
_READ = torch.tensor([2, 5])  # formants and tilt in Variation.vector()
_READ_TOLERANCE = torch.tensor([0.15, 0.12])
_CHUNK = 32
ROUNDS = 12  # steps of gradient descent
_DB = 10.0 / float(np.log(10.0))


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """A sentence that styles are tried on."""

    content: Tensor  # (N, content)
    spoken: int  # phonemes before the pause at the end


@torch.no_grad()
def probe(network: VoiceNetwork, phonemes: Sequence[Phoneme]) -> Probe:
    """Encode a sentence once for all styles."""
    base, stress, place = (torch.from_numpy(a)[None] for a in notate(phonemes))
    content = network.content(base, stress, place, torch.ones(1, len(phonemes), 1))[0]
    last = max(i for i, p in enumerate(phonemes) if p.word >= 0)
    return Probe(content, last + 1)


def numbers(network: VoiceNetwork, sentence: Probe, styles: Tensor) -> Tensor:
    """(K, style) -> (K, 5): log Hz, log spread of log F0, -log duration, dB, dB an octave."""
    count = len(styles)
    content = sentence.content[None].expand(count, -1, -1)
    log_steps = network.durations(content, styles, torch.ones(*content.shape[:2], 1)).float()
    exact = log_steps.clamp(0.0, 4.0).exp()
    rate = -exact[:, : sentence.spoken].sum(1).log()
    rows, phase, keep = _spread_all(sentence.content, exact.detach())
    out = (
        network.decoder(rows, phase, styles, keep).float() * network.frame_std + network.frame_mean
    )
    kept = keep.repeat_interleave(2, dim=1)  # (K, F, 1)
    voiced = torch.sigmoid(out[..., -1]) * kept[..., 0]
    log_f0 = out[..., BANDS + APERIODICITY_BANDS]
    total = voiced.sum(1)
    pitch = (voiced * log_f0).sum(1) / total
    spread_ = ((voiced * (log_f0 - pitch[:, None]) ** 2).sum(1) / total).clamp(min=1e-6).sqrt()
    power = ((2 * out[..., :BANDS]).exp() * kept).sum(1) / kept.sum(1)  # (K, BANDS)
    hertz = torch.from_numpy(band_hertz()).float()
    energy = _DB * (power * torch.gradient(hertz)[0]).sum(1).log()
    inside = (hertz > 250) & (hertz < 6000)
    octave = hertz[inside].log2()
    octave = octave - octave.mean()
    tilt = (_DB * power[:, inside].log() * octave).sum(1) / (octave**2).sum()
    return torch.stack([pitch, spread_.log(), rate, energy, tilt], dim=1)


def _spread_all(content: Tensor, exact: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Rows (K, T, content), phases (K, T, 3) and keep (K, T, 1) for K sets of durations (K, N)."""
    ends = torch.cumsum(exact, 1).round()
    steps = torch.diff(ends, prepend=torch.zeros(len(ends), 1)).clamp(min=1)
    ends = torch.cumsum(steps, 1)
    middle = torch.arange(int(ends[:, -1].max())).expand(len(ends), -1) + 0.5
    keep = (middle < ends[:, -1:]).float()[..., None]
    owner = torch.searchsorted(ends, middle.contiguous()).clamp(max=len(content) - 1)
    length = steps.gather(1, owner)
    passed = ((middle - (ends.gather(1, owner) - length)) / length).clamp(0, 1)
    phase = torch.stack([passed, 1 - passed, length.log() / 2], dim=-1)
    return content[owner], phase, keep


def mean_numbers(network: VoiceNetwork, probes: Sequence[Probe], styles: Tensor) -> Tensor:
    """Mean of :func:`numbers` over sentences, (K, 5)."""
    return torch.stack([numbers(network, p, styles) for p in probes]).mean(0)


def read(network: VoiceNetwork, styles: Tensor) -> Tensor:
    """Formants and tilt as the style encoder reads them off styles, (K, style) -> (K, 2)."""
    return network.style.labels(_unit(styles))[:, _READ]


def planned(emotion: str, level: float, profile: Profile) -> Tensor:
    """The plan of a cell as (5,): log Hz, and the logarithms and differences of the others."""
    speaker, change = plan(emotion, level, profile)
    return torch.tensor(
        [np.log(speaker.pitch * change.pitch), np.log(change.span), np.log(change.rate),
         change.energy, change.tilt],
        dtype=torch.float32,
    )  # fmt: skip


def _planned_reading() -> Tensor:
    """Formants and tilt that the plan gives the neutral voices, (24, 2)."""
    return torch.stack(
        [torch.from_numpy(plan("neutral", 0.0, p)[1].vector())[_READ] for p in profiles()]
    )


def calibrate(
    network: VoiceNetwork,
    table: StyleTable,
    sentences: Sequence[Sequence[Phoneme]],
    rounds: int = ROUNDS,
    rate: float = 0.08,
    report: Callable[[str], None] = lambda _: None,
) -> StyleTable:
    """Move every style of ``table`` towards its plan; neutral first, emotions against neutral.

    Pitch is planned in Hz. Span, rate, energy and formants are planned relative to an unchanged
    voice, which is the median of the profiles here; an emotion's tilt relative to the profile's
    own neutral, whose formants it keeps.
    """
    network.eval()
    network.requires_grad_(requires_grad=False)
    probes = [probe(network, s) for s in sentences]
    heard = table.tensors()
    plain = torch.stack([planned("neutral", 0.0, p) for p in profiles()])
    with torch.no_grad():
        found = _in_chunks(lambda s: mean_numbers(network, probes, s), heard["neutral"])
    base = (found - plain).median(0).values
    base[0] = 0.0
    asked_reading = _planned_reading()
    with torch.no_grad():
        asked_reading[:, 0] += (read(network, heard["neutral"]) - asked_reading)[:, 0].median()
    free = _TOLERANCE.clone()
    free[4] = torch.inf  # the reading says it
    goal = _Goal(base + plain, free, asked_reading, _READ_TOLERANCE)
    neutral = _move(network, probes, heard["neutral"], goal, rounds, rate)
    with torch.no_grad():
        own = _in_chunks(lambda s: mean_numbers(network, probes, s), neutral)
        kept = read(network, neutral)
    report(f"neutral: {_misses(own, goal)}, formants off by {_mean_miss(kept, goal):.3f}")
    cells = [(p, e, level) for p in range(len(own)) for e in EXPRESSIVE for level in LEVELS]
    who = torch.tensor([p for p, _, _ in cells])
    asked = torch.stack([planned(e, level, profiles()[p]) for p, e, level in cells]) - plain[who]
    target = own[who] + asked
    target[:, 0] = plain[who, 0] + asked[:, 0]
    flat = heard["expressive"].flatten(0, 2)
    reading = kept[who]
    only_formants = torch.tensor([float(_READ_TOLERANCE[0]), torch.inf])
    goal = _Goal(target, _TOLERANCE, reading, only_formants)
    moved = _move(network, probes, flat, goal, rounds, rate)
    with torch.no_grad():
        reached = _in_chunks(lambda s: mean_numbers(network, probes, s), moved)
    report(f"emotions: {_misses(reached, goal)}")
    return StyleTable(moved.reshape(heard["expressive"].shape), neutral)


def _in_chunks(measure: Callable[[Tensor], Tensor], styles: Tensor) -> Tensor:
    return torch.cat([measure(part) for part in _unit(styles).split(_CHUNK)])


def _unit(styles: Tensor) -> Tensor:
    """Of zero mean and unit spread, as the style encoder's are."""
    return F.layer_norm(styles, styles.shape[-1:])


@dataclass(frozen=True, slots=True, eq=False)
class _Goal:
    """What K styles should show, and what miss costs one; inf where nothing is asked."""

    numbers: Tensor  # (K, 5)
    tolerance: Tensor  # (5,)
    reading: Tensor  # (K, 2)
    reading_tolerance: Tensor  # (2,)

    def miss(self, found: Tensor, reading: Tensor, rows: Tensor) -> Tensor:
        """How far off the styles numbered ``rows`` are, in units of the tolerances, (rows, 7)."""
        return torch.cat(
            [
                (found - self.numbers[rows]) / self.tolerance,
                (reading - self.reading[rows]) / self.reading_tolerance,
            ],
            dim=1,
        )


def _move(
    network: VoiceNetwork,
    probes: Sequence[Probe],
    heard: Tensor,
    goal: _Goal,
    rounds: int,
    rate: float,
) -> Tensor:
    """Gradient descent on styles, a chunk after another; a style that is on its plan stays."""
    out = _unit(heard)
    with torch.no_grad():
        found = _in_chunks(lambda s: mean_numbers(network, probes, s), out)
        miss = goal.miss(found, read(network, out), torch.arange(len(out)))
    far = (miss.abs().amax(1) > 1).nonzero()[:, 0]
    for rows in far.split(_CHUNK) if len(far) else ():
        start = out[rows]
        style = start.clone().requires_grad_()
        optimizer = torch.optim.Adam([style], lr=rate)
        for step in range(rounds):
            for group in optimizer.param_groups:
                group["lr"] = rate * (1 - step / rounds)
            now = _unit(style)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                found = mean_numbers(network, probes, now)
            miss = goal.miss(found, read(network, now), rows)
            cost = F.smooth_l1_loss(miss, torch.zeros_like(miss), reduction="sum")
            cost = cost + _STAY * ((now - start) ** 2).sum()
            optimizer.zero_grad()
            cost.backward()
            optimizer.step()
        out[rows] = _unit(style.detach())
    return out


def _misses(found: Tensor, goal: _Goal) -> str:
    off = (found - goal.numbers).abs().mean(0)
    asked = goal.tolerance.isfinite().tolist()
    shown = [(n, float(v)) for n, v, yes in zip(NUMBERS, off, asked, strict=True) if yes]
    return ", ".join(f"{name} off by {value:.3f}" for name, value in shown)


def _mean_miss(reading: Tensor, goal: _Goal) -> float:
    return float((reading - goal.reading).abs().mean(0)[0])
