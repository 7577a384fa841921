"""``empatheia report``: the paper's tables and figures as one page that opens offline."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Final

import numpy as np

from empatheia.data.labels import AVAMERG_32_TO_7
from empatheia.data.predictions import Answer
from empatheia.data.references import Reference
from empatheia.errors import InputError
from empatheia.evaluation.consistency import confusion
from empatheia.evaluation.drawing import Bar, bars, matrix
from empatheia.evaluation.feature_maps import maps, read_features
from empatheia.evaluation.matching import Pair
from empatheia.evaluation.report_tables import ablations, people, table2, table3
from empatheia.evaluation.scorecard import FORMAT, Figure
from empatheia.evaluation.statistics import ratio_score
from empatheia.evaluation.votes import Votes
from empatheia.types import Turn

MEDIA: Final = {".wav": "audio/wav", ".mp4": "video/mp4", ".flac": "audio/flac"}
LARGEST: Final = 8_000_000  # bytes of one media file that a page carries
NO_FEATURES: Final = "--features FILE.npz, from `empatheia evaluate features`"
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#222}
h2{margin-top:2.5rem;border-bottom:1px solid #ddd}h4{margin:.5rem 0}p{margin:.5rem 0}
.wide{overflow-x:auto}table{border-collapse:collapse;margin:1rem 0}
td,th{padding:.25rem .6rem;text-align:right;vertical-align:top}
thead tr:last-child{border-bottom:2px solid #444}thead th{text-align:right}
td:first-child{text-align:left;min-width:8rem;position:sticky;left:0}
td:first-child:not(.paper){background:#fff}td small{display:block;white-space:nowrap}
.paper{background:#f4efe4;color:#6b5836}small,.note{color:#666}
.maps{display:flex;flex-wrap:wrap}svg{display:block;margin:1rem 0;max-width:100%;height:auto}
.case{display:grid;grid-template-columns:1fr 1fr;gap:0 2rem}
.case{border-top:1px solid #ccc;padding:1rem 0}
.case>div:first-child{grid-column:1/-1}.human{font-style:italic}
video,audio{display:block;width:100%;max-width:20rem;margin:.5rem 0}
dt{color:#666;font-size:.9em}dd{margin:0 0 .4rem 0}
@media(max-width:40rem){.case{grid-template-columns:1fr}body{margin:1rem auto}}
"""


@dataclass(frozen=True, slots=True)
class Material:
    """What a report is made of; anything may be missing and is then said to be."""

    scores: Sequence[Mapping[str, Any]]
    pairs: Sequence[Pair] = ()  # of Figure 8, with media
    named: Sequence[Pair] = ()  # of Figure 6, whose emotions are counted
    pipeline: Mapping[str, Answer] = field(default_factory=dict)
    votes: Votes = field(default_factory=dict)
    features: Mapping[str, Path] = field(default_factory=dict)  # "with SD" -> npz
    cases: int = 4
    left_out: int = 0  # of ``named``: references without a prediction


def read_scores(path: Path) -> dict[str, Any]:
    """A scores.json or the folder of one. Raises InputError."""
    file = path / "scores.json" if path.is_dir() else path
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read as scores: {error}") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise InputError(f"{file} is not of `empatheia evaluate` ({FORMAT})")
    return found


def page(material: Material) -> str:
    """The whole HTML page."""
    parts = [
        table2(material.scores),
        table3(material.scores, material.votes),
        people(material.votes),
        ablations(material.scores),
        _figure6(material.named or material.pairs, material.left_out),
        _figure7(material.features),
        _figure8(material),
    ]
    head = (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width"><title>Empatheia: results</title>'
    )
    intro = (
        "<h1>Results</h1><p class=note>On this ground stand <span class=paper>the paper's "
        "published numbers</span> (arXiv 2502.04976): other data, other raters, not to be compared "
        "number by number. Brackets are 95 % intervals; n/a says what is missing.</p>"
    )
    return "\n".join([head, f"<style>{_STYLE}</style>", intro, *parts, "</html>"])


def _figure6(pairs: Sequence[Pair], left_out: int) -> str:
    """Accuracy by emotion, and by age and gender of the two people."""
    known = countable(pairs)
    out = "<h2>Figure 6: accuracy by emotion, age and gender</h2>"
    if not known:
        return out + "<p>n/a (needs labelled data and predictions: --data, --predictions)</p>"
    if left_out:
        out += f"<p class=note>{left_out} of them were not predicted and count as wrong.</p>"
    out += by_emotion(known)
    for side in ("speaker", "listener"):
        for name in ("age", "gender"):
            found = groups(known, lambda r, s=side, n=name: getattr(getattr(r, s), n, None))  # type: ignore[misc]
            who = "avatar" if side == "listener" else side
            out += bars(f"{name} of the {who}", found) if found else _absent(f"{name} of {who}")
    return out + confusions(known)


def countable(pairs: Sequence[Pair]) -> list[Pair]:
    """Labelled ones, where any answer names an emotion; one that names none is wrong.

    The same as the accuracy of the text table stands on.
    """
    known = [(r, a) for r, a in pairs if r.emotion]
    return known if any(a.emotion for _, a in known) else []


def confusions(pairs: Sequence[Pair]) -> str:
    """Which of the 32 emotions are taken for which."""
    return matrix("Named emotions (across) of true ones (down)", confusion(pairs))


def by_emotion(pairs: Sequence[Pair]) -> str:
    """Bars of accuracy by the coarse emotion of the label."""
    found = groups(pairs, lambda r: AVAMERG_32_TO_7.get(r.emotion or ""))
    return bars("Emotion accuracy (32 labels, grouped in 7 by AvaMERG's map)", found)


def _absent(what: str) -> str:
    return f"<p>{escape(what)}: n/a (needs profiles, which this data does not have)</p>"


def groups(pairs: Sequence[Pair], key: Callable[[Reference], str | None]) -> list[Bar]:
    """Accuracy in each group of references, the largest group first."""
    rows: dict[str, list[Pair]] = {}
    for reference, answer in pairs:
        name = key(reference)
        if name is not None:
            rows.setdefault(name, []).append((reference, answer))
    out = []
    for name, some in sorted(rows.items(), key=lambda item: (-len(item[1]), item[0])):
        hits = [100.0 * (r.emotion == a.emotion) for r, a in some]
        score = ratio_score(hits, [1.0] * len(hits), [r.dialogue for r, _ in some])
        out.append(Bar(name, Figure.of(score)))
    return out


def _figure7(features: Mapping[str, Path]) -> str:
    out = "<h2>Figure 7: emotion and profile features</h2>"
    if not features:
        return out + f"<p>n/a (needs {escape(NO_FEATURES)})</p>"
    told = [maps(read_features(path), title) for title, path in features.items()]
    return out + "".join(f"<div class=maps>{both}</div>" for both in told)


def _figure8(material: Material) -> str:
    out = "<h2>Figure 8: cases</h2>"
    if not material.pairs:
        return out + "<p>n/a (needs --data and --predictions)</p>"
    count = min(material.cases, len(material.pairs))
    places = np.linspace(0, len(material.pairs) - 1, count).round().astype(int)
    for reference, answer in (material.pairs[int(i)] for i in dict.fromkeys(places)):
        talk = "".join(_turn(turn) for turn in reference.context)
        said, label = reference.response, reference.emotion
        human = f"<p class=human>people replied: {escape(said)}</p>" if said else ""
        told = f"{reference.id}, label: {label}" if label else reference.id
        out += f"<div class=case><div><small>{escape(told)}</small>{talk}{human}</div>"
        out += _said("Empatheia", answer) + _said("Pipeline", material.pipeline.get(reference.id))
        out += "</div>"
    return out


def _turn(turn: Turn) -> str:
    players = _player(turn.audio) + _player(turn.video)
    return f"<p><b>{turn.role}</b> {escape(turn.text or '')}</p>" + players


def _said(title: str, answer: Answer | None) -> str:
    if answer is None:
        return f"<div><h4>{title}</h4><p class=note>n/a (needs its predictions)</p></div>"
    chain = "".join(
        f"<dt>{escape(k.replace('_', ' '))}</dt><dd>{escape(v)}</dd>"
        for k, v in answer.chain.items()
    )
    out = f"<div><h4>{title}</h4><p>{escape(answer.reply)}</p><dl>{chain}</dl>"
    return out + _player(answer.audio) + _player(answer.video) + "</div>"


def _player(path: Path | None) -> str:
    """The file itself inside the page."""
    if path is None:
        return ""
    kind = MEDIA.get(path.suffix.lower())
    if not path.is_file() or kind is None or path.stat().st_size > LARGEST:
        return f"<p class=note>{escape(path.name)} is not there or too large to be shown</p>"
    content = base64.b64encode(path.read_bytes()).decode()
    tag = kind.partition("/")[0]
    return f'<{tag} controls src="data:{kind};base64,{content}"></{tag}>'
