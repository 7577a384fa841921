"""Content rows to mouth controls."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from empatheia.face.avatar.controls import CONTROLS, Curve, pose
from empatheia.face.visemes import CHANNELS, VISEMES, Content

_SHAPES = {
    "sil": {},
    "PP": {"press": 0.9},
    "FF": {"tuck": 1.0, "teeth": 0.7, "jaw": 0.10},
    "TH": {"jaw": 0.18, "tongue": 1.0, "teeth": 0.45, "wide": 0.10},
    "DD": {"jaw": 0.15, "tongue": 0.75, "teeth": 0.4, "wide": 0.15},
    "KK": {"jaw": 0.22, "teeth": 0.3},
    "CH": {"jaw": 0.13, "round": 0.50, "teeth": 0.75, "lower_teeth": 0.5},
    "SS": {"jaw": 0.06, "wide": 0.40, "teeth": 0.75, "lower_teeth": 0.6},
    "RR": {"jaw": 0.24, "round": 0.45, "teeth": 0.25},
    "AA": {"jaw": 0.96, "wide": 0.10, "teeth": 0.3},
    "EH": {"jaw": 0.66, "wide": 0.40, "teeth": 0.4},
    "IH": {"jaw": 0.46, "wide": 0.62, "teeth": 0.55, "lower_teeth": 0.2},
    "OH": {"jaw": 0.72, "round": 0.62, "wide": -0.1},
    "UU": {"jaw": 0.34, "round": 1.0, "wide": -0.2},
    "HH": {"jaw": 0.28, "teeth": 0.2},
}
_TABLE = torch.from_numpy(np.stack([pose(**_SHAPES[name]) for name in VISEMES]))


def articulate(content: Content) -> Curve:
    """(frames, CONTENT_DIM) -> mouth controls of a face without feeling, (frames, controls)."""
    return np.asarray(mouth(torch.from_numpy(content).float()).numpy())


def mouth(content: Tensor) -> Tensor:
    """The same for (..., CONTENT_DIM), with a gradient."""
    shares = content[..., : len(VISEMES)].clamp(0, 1)
    shares = shares / shares.sum(-1, keepdim=True).clamp(min=1.0)
    out = dict(zip(CONTROLS, (shares @ _TABLE).unbind(-1), strict=True))
    loud = content[..., CHANNELS.index("energy")].clamp(0, 1)
    closed = (content[..., CHANNELS.index("closure")] * 1.25).clamp(0, 1)
    out["jaw"] = out["jaw"] * (0.62 + 0.48 * loud) * (1 - closed)
    out["press"] = torch.maximum(out["press"] ** 2, closed)
    for name in ("teeth", "lower_teeth", "tuck"):
        out[name] = out[name] * (1 - closed)
    return torch.stack([out[name] for name in CONTROLS], -1)
