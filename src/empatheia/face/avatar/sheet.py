"""Contact sheets: the stock avatars side by side, named, or one of them in every feeling."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from empatheia.face.avatar.feeling import EMOTIONS
from empatheia.face.avatar.generator import DrawnFace
from empatheia.types import Avatar, ImageArray

_BAND = 26  # pixels of the caption


def contact_sheet(
    face: DrawnFace, people: Sequence[Avatar], columns: int = 6, emotion: str = "neutral"
) -> ImageArray:
    """One named portrait each, ``columns`` in a row."""
    tiles = [
        _captioned(face.still(a, emotion), f"{a.id}  {a.profile.age} {a.profile.race}")
        for a in people
    ]
    return _grid(tiles, columns)


def emotion_sheet(face: DrawnFace, people: Sequence[Avatar]) -> ImageArray:
    """Every avatar in every feeling, one avatar a row."""
    tiles = [_captioned(face.still(a, e), f"{a.id}  {e}") for a in people for e in EMOTIONS]
    return _grid(tiles, len(EMOTIONS))


def png_bytes(image: ImageArray) -> bytes:
    """A complete PNG file."""
    done, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    if not done:
        raise RuntimeError("the picture could not be encoded as PNG")
    return data.tobytes()


def _captioned(image: ImageArray, text: str) -> ImageArray:
    band = np.full((_BAND, image.shape[1], 3), 250, np.uint8)
    cv2.putText(band, text, (8, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (70, 64, 60), 1, cv2.LINE_AA)
    return np.vstack([image, band])


def _grid(tiles: list[ImageArray], columns: int) -> ImageArray:
    blank = np.full_like(tiles[0], 250)
    tiles = tiles + [blank] * (-len(tiles) % columns)
    return np.vstack([np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)])
