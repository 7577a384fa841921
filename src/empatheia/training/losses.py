"""The losses of the paper's section 5, with its equation numbers.

Two slips of the paper are put right. Eq. 11 lacks the minus sign of a cross-entropy. It names no
weight for the KL terms of its VAEs, nor alpha and beta of Eq. 13: they are settings here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from empatheia.latents.content import Units
from empatheia.latents.style import MODALITIES, Style

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

UNKNOWN = -100  # a label that the data does not give: it counts for nothing
FORBIDDEN = {"emotion": ("age", "gender", "tone"), "profile": ("emotion",)}  # E, P: what each lacks


@dataclass(frozen=True, slots=True)
class LossWeights:
    """What the paper leaves open; chosen on valid (docs/experiments.md)."""

    alpha: float = 1.0  # of L_ccl in Eq. 13
    beta: float = 1.0  # of L_sac in Eq. 13
    content_kl: float = 1e-4
    style_kl: float = 1e-3
    video: float = 1.0  # of C^v beside C^s in Eq. 9
    leak: float = 0.0  # of ``l_leak``, which is ours; with 0 L_sac is the paper's


def l_emp(
    logits: Float[Tensor, "token vocabulary"], ids: Int[Tensor, " token"]
) -> Float[Tensor, ""]:
    """Eq. 8: next-token cross-entropy of the tokens that are to be learned, averaged over them."""
    return F.cross_entropy(logits.float(), ids)


def distance(
    found: Float[Tensor, "batch n dim"],
    teacher: Float[Tensor, "batch n dim"],
    real: Bool[Tensor, "batch n"],
    units: Units,
) -> Float[Tensor, ""]:
    """Squared distance to a teacher over real places, in units of the teacher's spread.

    Divided by the number of places and channels, so 1 is what predicting the mean would cost.
    """
    apart = (units.own(found.float()) - units.own(teacher)) ** 2
    return (apart.mean(-1) * real).sum() / real.sum().clamp(min=1)


def l_ccl(speech: Tensor, video: Tensor, weights: LossWeights) -> Tensor:
    """Eq. 9: |C^s - teacher|^2 + |C^v - teacher|^2, from the two distances."""
    return speech + weights.video * video


def l_sal(
    speech: Float[Tensor, "batch dim"],
    speech_teacher: Float[Tensor, "batch dim"],
    video: Float[Tensor, "batch dim"],
    video_teacher: Float[Tensor, "batch dim"],
    units: tuple[Units, Units],
) -> Float[Tensor, ""]:
    """Eq. 10: |S^s - teacher|^2 + |S^v - teacher|^2 in units of the teachers' spread."""
    heard = (units[0].own(speech.float()) - units[0].own(speech_teacher)) ** 2
    seen = (units[1].own(video.float()) - units[1].own(video_teacher)) ** 2
    return heard.mean() + seen.mean()


def l_cls(logits: Mapping[str, Tensor], labels: Mapping[str, Int[Tensor, " batch"]]) -> Tensor:
    """Eq. 11 with its minus sign: cross-entropy of emotion, age, gender and tone, summed."""
    total = torch.zeros(())
    for name, found in logits.items():
        wanted = labels[name]
        if bool((wanted != UNKNOWN).any()):
            total = total + F.cross_entropy(found.float(), wanted, ignore_index=UNKNOWN)
    return total


def l_sac(alignment: Tensor, classes: Tensor) -> Tensor:
    """Eq. 12: L_sal + L_cls."""
    return alignment + classes


def l_leak(style: Style, labels: Mapping[str, Int[Tensor, " batch"]]) -> Tensor:
    """Ours: how much E tells of age, gender and tone, and P of the emotion, summed.

    Nothing in Eq. 10 and 11 forbids it. Both modalities' factors are read side by side, before they
    are fused, so that the fused one can tell no more.
    """
    total = torch.zeros(())
    for side, names in FORBIDDEN.items():
        values = torch.cat([style.factors[f"{side}_{m}"] for m in MODALITIES], -1).float()
        for name in names:
            total = total + dependence(values, labels[name])
    return total


def dependence(
    values: Float[Tensor, "batch dim"], labels: Int[Tensor, " batch"]
) -> Float[Tensor, ""]:
    """How much ``values`` depend on ``labels``: around 0 where they do not, 1 where they are one.

    The Hilbert-Schmidt criterion without bias (Song et al., *Feature Selection via Dependence
    Maximization*, 2012, Eq. 5), so that small batches are right on average, of a Gaussian kernel as
    wide as the median distance and of equal labels; divided by the geometric mean of what each
    kernel has with itself. 0 where fewer than five labels are known.
    """
    known = labels != UNKNOWN
    values, labels = values[known], labels[known]
    if len(labels) < 5:
        return values.new_zeros(())
    apart = torch.cdist(values, values).square()
    away = ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    kernel = (-apart / apart[away].median().detach().clamp(min=1e-9)).exp() * away
    same = (labels[:, None] == labels) * away.float()
    with torch.no_grad():
        scale = (_criterion(kernel, kernel) * _criterion(same, same)).clamp(min=1e-8).sqrt()
    return _criterion(kernel, same) / scale


def _criterion(a: Tensor, b: Tensor) -> Tensor:
    """Of two (n, n) kernels with an empty diagonal, n > 3."""
    n = len(a)
    both = a.sum() * b.sum() / ((n - 1) * (n - 2))
    return ((a * b).sum() + both - 2 / (n - 2) * (a.sum(0) @ b.sum(0))) / (n * (n - 3))


def l_oal(emp: Tensor, ccl: Tensor, sac: Tensor, weights: LossWeights) -> Tensor:
    """Eq. 13: L_emp + alpha L_ccl + beta L_sac."""
    return emp + weights.alpha * ccl + weights.beta * sac
