"""Work that is spread over processes comes back in order, and so do errors."""

from __future__ import annotations

import operator
from functools import partial

import pytest

from empatheia.cores import on_cores


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_back_in_order(jobs: int) -> None:
    assert list(on_cores(partial(int, 3), operator.mul, range(5), jobs)) == [0, 3, 6, 9, 12]


@pytest.mark.parametrize("jobs", [1, 2])
def test_errors_are_those_of_the_work(jobs: int) -> None:
    with pytest.raises(ZeroDivisionError):
        list(on_cores(partial(int, 3), operator.floordiv, [1, 0], jobs))


def test_one_job_works_as_asked_for() -> None:
    seen: list[int] = []
    found = on_cores(lambda: seen, lambda state, item: state.append(item), range(9), 1)
    next(found)
    next(found)
    assert seen == [0, 1]
