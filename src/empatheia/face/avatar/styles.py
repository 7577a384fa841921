"""The hairstyles, as locks and coils around a face of half width ``w``."""

from __future__ import annotations

from collections.abc import Callable

from empatheia.face.avatar.hair import Coil, Guide, Lock, Style, flip


def _temple(w: float, low: float = 116.0, out: float = 4.0) -> Lock:
    """Short hair at the side, from the crown's edge to the ear."""
    return Lock(
        [(0.62 * w, 45), (0.93 * w, 58), (w + out, 80), (w + out - 0.5, 100), (w + 0.5, low)],
        [(0.52 * w, 62), (0.74 * w, 74), (0.86 * w, 86), (0.90 * w, 100), (w - 3.0, low)],
        0.45, bright=0.86,
    )  # fmt: skip


def _side(w: float) -> Style:
    right = _temple(w)
    over = Lock(
        [(-24, 46), (-14, 33), (12, 27), (36, 34), (w + 2, 58), (w + 4, 82)],
        [(-24, 60), (-12, 70), (6, 75), (24, 76), (40, 78), (w - 3, 92)],
    )
    left = Lock(
        [(-22, 44), (-34, 38), (-w - 1, 58), (-w - 4, 82), (-w - 2, 100), (-w, 116)],
        [(-24, 61), (-33, 71), (-0.84 * w, 80), (-0.90 * w, 92), (-0.92 * w, 104), (-w + 3, 116)],
        0.3, bright=0.95,
    )  # fmt: skip
    return Style((), (right, left, over))


def _quiff(w: float) -> Style:
    front = Lock(
        [(-36, 78), (-37, 56), (-24, 32), (4, 21), (30, 25), (45, 44)],
        [(38, 79), (36, 70), (33, 62), (34, 56), (40, 52), (46, 50)],
        0.5,
    )
    crown = Lock(
        [(-40, 70), (-42, 46), (-14, 27), (20, 26), (44, 46), (48, 66)],
        [(-30, 74), (-20, 60), (0, 50), (20, 50), (36, 58), (46, 68)],
    )
    return Style((), (crown, _temple(w), flip(_temple(w)), front))


def _tousled(w: float) -> Style:
    cap = Lock(
        [(-10, 40), (8, 28), (34, 34), (w + 4, 62), (w + 4, 88), (w, 112)],
        [(-12, 58), (4, 66), (22, 72), (38, 80), (w - 6, 94), (w - 3, 112)],
    )
    locks = [
        Lock(
            [(6, 32), (22, 42), (34, 62), (38, 88)], [(-10, 36), (2, 54), (18, 72), (34, 90)], 0.4
        ),
        Lock(
            [(0, 30), (6, 46), (10, 68), (6, 88)], [(-22, 34), (-16, 54), (-8, 72), (4, 89)], 0.42
        ),
        Lock(
            [(-8, 30), (-14, 48), (-18, 68), (-25, 87)],
            [(-36, 42), (-42, 58), (-40, 74), (-28, 88)],
            0.4,
        ),
        Lock(
            [(12, 29), (34, 34), (46, 56), (50, 86)], [(8, 34), (28, 46), (38, 64), (47, 88)], 0.35
        ),
    ]
    return Style((), (cap, flip(cap), *locks))


def _bowl(w: float) -> Style:
    fringe = Lock(
        [(0, 31), (-28, 34), (-w + 2, 54), (-w - 5, 86), (-w - 3, 118)],
        [(0, 31), (26, 35), (0.92 * w, 56), (w + 4, 86), (w + 3, 118)],
        0.5,
    )
    left = Lock(
        [(-4, 31), (-34, 38), (-w - 4, 66), (-w - 5, 92), (-w - 2, 120)],
        [(2, 34), (-20, 52), (-30, 70), (-0.8 * w, 84), (-0.87 * w, 118)],
        0.4,
    )
    middle = Lock(
        [(-6, 32), (-24, 50), (-36, 70), (-42, 89)], [(6, 32), (22, 50), (34, 70), (42, 88)], 0.45
    )
    del fringe
    return Style((), (left, flip(left), middle))


def _crop(w: float) -> Style:
    top = Lock(
        [(-40, 72), (-40, 50), (-18, 35), (12, 33), (36, 46), (44, 66)],
        [(-36, 78), (-18, 71), (0, 70), (18, 70), (34, 73), (42, 78)],
        0.4,
    )
    return Style((), (_temple(w, 112, 2.5), flip(_temple(w, 112, 2.5)), top))


def _receding(w: float) -> Style:
    side = Lock(
        [(0.80 * w, 60), (w + 2, 72), (w + 6, 92), (w + 2.5, 120)],
        [(0.82 * w, 72), (0.88 * w, 84), (0.90 * w, 96), (w - 3, 120)],
        0.45,
    )
    top = Lock(
        [(-30, 52), (-12, 42), (14, 41), (36, 52), (46, 68)],
        [(-30, 56), (-14, 51), (10, 50), (34, 60), (45, 72)],
        0.4,
    )
    return Style((), (top, side, flip(side)))


def _curtains(w: float, low: float, out: float, wave: float = 0.0, tip: float = 0.0) -> Style:
    """Parted hair that falls along the face; ``tip`` bends the ends inwards."""
    mid = (104 + low) / 2
    right = Lock(
        [(-10, 32), (20, 28), (w - 2, 48), (w + out, 88), (w + out + 3, mid), (w + out - tip, low)],
        [(-12, 58), (2, 70), (27, 80), (w - 8, 100), (w - 3, mid), (w - 6 - tip * 0.8, low - 4)],
        0.30, wave,
    )  # fmt: skip
    left = Lock(
        [
            (-8, 32),
            (-34, 33),
            (-w - 2, 56),
            (-w - out, 92),
            (-w - out - 3, mid),
            (-w - out + tip, low),
        ],
        [
            (-11, 58),
            (-23, 70),
            (-37, 80),
            (-w + 8, 101),
            (-w + 3, mid),
            (-w + 6 + tip * 0.8, low - 4),
        ],
        0.30,
        -wave,
        0.97,
    )
    back = Lock(
        [
            (-8, 34),
            (-w, 44),
            (-w - out - 3, 90),
            (-w - out - 4, mid),
            (-w - out + tip + 2, low + 2),
        ],
        [(8, 34), (w, 44), (w + out + 3, 90), (w + out + 4, mid), (w + out - tip - 2, low + 2)],
        0.2,
        bright=0.58,
    )
    return Style((back,), (right, left))


def _pulled(w: float, part: float = -6.0) -> tuple[Lock, ...]:
    """Hair drawn back from the forehead."""
    right = Lock(
        [(part, 46), (14, 33), (40, 42), (w + 2, 66), (w + 2, 94), (w - 1, 112)],
        [(part, 64), (10, 73), (32, 76), (0.84 * w, 88), (0.91 * w, 100), (w - 3, 112)],
        0.4,
    )
    left = Lock(
        [(part, 46), (-20, 34), (-42, 44), (-w - 2, 68), (-w - 2, 94), (-w + 1, 112)],
        [(part, 64), (-16, 73), (-33, 77), (-0.84 * w, 89), (-0.91 * w, 100), (-w + 3, 112)],
        0.36,
    )
    return (right, left)


def _ring(x: float, y: float, r: float, squash: float = 1.0) -> Guide:
    k = 0.72
    return [
        (x, y - r * squash),
        (x + k * r, y - k * r * squash),
        (x + r, y),
        (x + k * r, y + k * r * squash),
        (x, y + r * squash),
        (x - k * r, y + k * r * squash),
        (x - r, y),
        (x - k * r, y - k * r * squash),
    ]


def _bun(w: float) -> Style:
    knot = (
        Lock(
            [(-20, 36), (-22, 22), (-7, 13), (9, 14)],
            [(19, 37), (19, 30), (13, 23), (10, 16)],
            0.5,
            bright=0.9,
        ),
        Lock(
            [(-18, 34), (-8, 28), (10, 27), (20, 34)],
            [(20, 36), (22, 25), (14, 15), (2, 13)],
            0.5,
            bright=0.95,
        ),
    )
    cap = Lock(
        [(-w + 4, 92), (-w, 60), (-30, 38), (0, 31)],
        [(w - 4, 92), (w, 60), (30, 38), (0, 31)],
        0.6,
        bright=0.6,
    )
    return Style((*knot, cap), _pulled(w))


def _ponytail(w: float) -> Style:
    tail = Lock(
        [(20, 40), (w + 10, 52), (w + 24, 96), (w + 22, 140), (w + 10, 184)],
        [(14, 60), (w, 76), (w + 6, 112), (w + 4, 150), (w + 8, 184)],
        0.35,
        2.0,
        0.85,
    )
    return Style((tail,), _pulled(w, -12.0))


def _pigtails(w: float) -> Style:
    tail = Lock(
        [(w - 4, 92), (w + 18, 92), (w + 27, 122), (w + 22, 152), (w + 8, 176)],
        [(w - 4, 108), (w + 2, 116), (w + 5, 134), (w + 3, 156), (w + 5, 176)],
        0.35,
        2.0,
    )
    fringe = Lock(
        [(-6, 40), (-20, 52), (-33, 68), (-40, 86)], [(2, 42), (10, 60), (4, 76), (-10, 86)], 0.45
    )
    other = Lock(
        [(0, 40), (4, 56), (8, 74), (0, 86)],
        [(10, 40), (28, 54), (40, 70), (42, 87)],
        0.45,
        bright=0.96,
    )
    return Style((tail, flip(tail)), (*_pulled(w, 0.0), other, fringe))


def _short(w: float) -> Style:
    """Soft short waves with volume."""
    right = Lock(
        [(-12, 36), (10, 20), (44, 30), (w + 12, 62), (w + 13, 98), (w + 3, 132)],
        [(-14, 56), (4, 66), (28, 72), (0.84 * w, 84), (0.90 * w, 102), (w - 3, 130)],
        0.3,
        1.5,
    )
    left = Lock(
        [(-10, 36), (-34, 25), (-w - 7, 44), (-w - 13, 76), (-w - 12, 104), (-w - 3, 132)],
        [(-13, 56), (-26, 66), (-38, 74), (-0.87 * w, 88), (-0.91 * w, 104), (-w + 3, 130)],
        0.3,
        -1.5,
    )
    sweep = Lock(
        [(-14, 38), (6, 34), (28, 44), (44, 64), (48, 88)],
        [(-16, 56), (0, 68), (16, 76), (32, 80), (46, 90)],
        0.4,
        bright=1.04,
    )
    back = Coil(_ring(0, 92, w + 5, 1.0), 3.0, 0.6, 0.3)
    return Style((back,), (right, left, sweep))


def _hairline(w: float, top: float, out: float, low: float) -> Guide:
    """A cap: outer arc over the skull, inner edge along the hairline."""
    return [
        (-w - out * 0.5, low),
        (-w - out, 84),
        (-0.80 * w - out, 52),
        (-0.4 * w, top),
        (0, top - 3),
        (0.4 * w, top),
        (0.80 * w + out, 52),
        (w + out, 84),
        (w + out * 0.5, low),
        (w - 3.0, low),
        (0.90 * w, 94),
        (0.78 * w, 78),
        (0.5 * w, 70),
        (0, 68),
        (-0.5 * w, 70),
        (-0.78 * w, 78),
        (-0.90 * w, 94),
        (-w + 3.0, low),
    ]


def _fade(w: float) -> Style:
    return Style((), (Coil(_hairline(w, 38, 2.0, 112), 1.25, 0.9, 0.5),))


def _afro(w: float) -> Style:
    return Style(
        (Coil(_ring(0, 82, w + 17, 0.94), 2.6, 0.66),),
        (Coil(_hairline(w, 27, 11, 122), 2.4, 0.95),),
    )


def _puffs(w: float) -> Style:
    puffs = (Coil(_ring(-w + 2, 40, 22), 2.6, 0.85), Coil(_ring(w - 2, 40, 22), 2.6, 0.8))
    return Style(puffs, (Coil(_hairline(w, 37, 2.5, 108), 1.7, 0.92, 0.5),))


STYLES: dict[str, Callable[[float], Style]] = {
    "side": _side, "quiff": _quiff, "tousled": _tousled, "bowl": _bowl, "crop": _crop,
    "receding": _receding, "bun": _bun, "ponytail": _ponytail, "pigtails": _pigtails,
    "short": _short, "fade": _fade, "afro": _afro, "puffs": _puffs,
    "long": lambda w: _curtains(w, 232, 9.0),
    "wavy": lambda w: _curtains(w, 214, 13.0, 5.0, 3.0),
    "bob": lambda w: _curtains(w, 178, 10.0, 0.0, 8.0),
}  # fmt: skip
