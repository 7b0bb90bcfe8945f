"""How far something is, in words."""

from __future__ import annotations

import pytest

from gitops_cli.domain.progress import HowFar


@pytest.mark.parametrize(
    ("far", "amount"),
    [
        (HowFar("waiting", 0), ""),
        (HowFar("looking for objects", 190_189), "190,189"),
        (HowFar("reading prod", 0, 21), "0 of 21"),
        (HowFar("reading prod", 999, 999), "999 of 999"),
        (HowFar("receiving objects", 1, 1000), "0% of 1,000"),
        (HowFar("receiving objects", 99_999, 400_003), "24% of 400,003"),
        (HowFar("receiving objects", 400_003, 400_003), "100% of 400,003"),
    ],
)
def test_how_much_of_it_is_done(far: HowFar, amount: str) -> None:
    assert far.amount == amount
