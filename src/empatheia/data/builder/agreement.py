"""How far people agree beyond chance: Krippendorff's alpha and Fleiss' kappa, nominal labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

Ratings = Sequence[Sequence[str]]  # for each item the labels that it got, in any order


def krippendorff_alpha(ratings: Ratings) -> float | None:
    """1 - observed over expected disagreement; items with one label do not count.

    None where there is nothing to compare: no pair, or one label everywhere. Source: Krippendorff,
    *Computing Krippendorff's Alpha-Reliability* (2011), nominal data with missing labels.
    """
    items = [Counter(labels) for labels in ratings if len(labels) >= 2]
    totals: Counter[str] = Counter()
    for item in items:
        totals.update(item)
    n = sum(totals.values())
    if n < 2 or len(totals) < 2:
        return None
    observed = sum(
        sum(count * (item.total() - count) for count in item.values()) / (item.total() - 1)
        for item in items
    )
    expected = sum(count * (n - count) for count in totals.values()) / (n - 1)
    return 1 - observed / expected


def fleiss_kappa(ratings: Ratings) -> float | None:
    """Fleiss (1971). Only items with the most common number of labels count; None as above."""
    sizes = Counter(len(labels) for labels in ratings if len(labels) >= 2)
    if not sizes:
        return None
    size = max(sizes, key=lambda s: (sizes[s], s))
    items = [Counter(labels) for labels in ratings if len(labels) == size]
    totals: Counter[str] = Counter()
    for item in items:
        totals.update(item)
    chance = sum((count / totals.total()) ** 2 for count in totals.values())
    if chance == 1:
        return None
    agreed = [
        (sum(count**2 for count in item.values()) - size) / (size * (size - 1)) for item in items
    ]
    return (sum(agreed) / len(agreed) - chance) / (1 - chance)
