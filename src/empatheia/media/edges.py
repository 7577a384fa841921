"""A picture of a face as edges: how much of which direction is where."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from empatheia.types import ImageArray

SIDE = 64  # pixels of the picture
CELLS = 12  # a side
DIRECTIONS = 8
FEATURES = CELLS * CELLS * DIRECTIONS
_GRID = np.mgrid[0:SIDE, 0:SIDE]


def edges(picture: ImageArray) -> NDArray[np.float32]:
    """(64, 64, 3) -> (FEATURES,), cell by cell and in each the directions.

    Directions of edges, normalised by their surroundings, are the same for every skin and light.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    dx, dy = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    strength, angle = cv2.cartToPolar(dx, dy)
    strength /= cv2.blur(strength, (17, 17)) + 8.0
    place = np.mod(angle * np.float32(DIRECTIONS / np.pi), DIRECTIONS)
    low = place.astype(np.int32)
    part = place - low
    maps = np.zeros((DIRECTIONS, SIDE, SIDE), np.float32)
    rows, columns = _GRID
    maps[low % DIRECTIONS, rows, columns] = strength * (1 - part)
    maps[(low + 1) % DIRECTIONS, rows, columns] += strength * part
    soft = [
        cv2.resize(cv2.blur(m, (7, 7)), (CELLS, CELLS), interpolation=cv2.INTER_LINEAR)
        for m in maps
    ]
    return np.stack(soft, 2).ravel()
