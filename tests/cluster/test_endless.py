"""An API server that never ends: each LIST stays within a bound and is one clear error."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from gitops_cli.cluster import reading
from gitops_cli.domain.errors import ClusterError
from gitops_cli.domain.recorded.environment import Kind
from tests.cluster.asking import observed
from tests.cluster.conftest import Connected
from tests.testbed.hostile import answer, hostile
from tests.testbed.manifests import deployment
from tests.testbed.patience import PATIENCE


def piece(names: Iterable[str], following: str | None) -> bytes:
    """Return one piece of a LIST of Deployments."""
    items = [deployment(name, "r/web:1") for name in names]
    for item in items:
        item["metadata"]["namespace"] = "shop"
    metadata = {"resourceVersion": "1"} | ({"continue": following} if following else {})
    return answer(json.dumps({"kind": "List", "metadata": metadata, "items": items}).encode())


def test_a_list_that_goes_on_where_it_was_has_no_end(connected: Connected, tmp_path: Path) -> None:
    with hostile(lambda _: [piece(["web"], "here")]) as server:
        cluster = connected(server.kubeconfig(tmp_path / "k"), timeout=PATIENCE)
        error = observed(cluster, "shop").errors[Kind.DEPLOYMENT]

    assert isinstance(error, ClusterError)
    assert (error.exit_code, len(server.requests)) == (5, 2)
    assert "a list without end" in error.message


def test_a_list_that_goes_on_in_circles_has_no_end(connected: Connected, tmp_path: Path) -> None:
    circle = itertools.cycle(["a", "b", "c"])
    with hostile(lambda _: [piece([], next(circle))]) as server:
        cluster = connected(server.kubeconfig(tmp_path / "k"), timeout=PATIENCE)
        error = observed(cluster, "shop").errors[Kind.DEPLOYMENT]

    assert "a list without end" in error.message
    assert len(server.requests) == 4


def test_a_list_that_always_goes_on_ends(
    connected: Connected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_PIECES", 20)
    numbers = map(str, itertools.count())
    with hostile(lambda _: [piece([], next(numbers))]) as server:
        cluster = connected(server.kubeconfig(tmp_path / "k"), timeout=PATIENCE)
        error = observed(cluster, "shop").errors[Kind.DEPLOYMENT]

    assert "a list without end" in error.message
    assert len(server.requests) == 21


def test_lists_that_bring_ever_more_objects_end_together(
    connected: Connected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_VALUES", 50)
    numbers = map("{:04}".format, itertools.count())

    def more(_: str) -> list[bytes]:
        return [piece(itertools.islice(numbers, 10), next(numbers))]

    with hostile(more) as server:
        cluster = connected(server.kubeconfig(tmp_path / "k"), timeout=PATIENCE)
        seen = observed(cluster, "shop", Kind.DEPLOYMENT, Kind.STATEFULSET)

    assert [e.message.partition(": ")[2] for e in seen.errors.values()] == [
        "more than 50 objects"
    ] * 2
    assert len(server.requests) <= 8


def test_pieces_that_are_asked_for_again_count_once(
    connected: Connected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a list so slow that its pieces no longer fit together; then it is asked for whole."""
    monkeypatch.setattr(reading, "MOST_VALUES", 3)

    def slow(request: str) -> list[bytes]:
        if "continue=" in request:
            return [answer(b"{}", status="410 Gone")]
        return [piece("ab", "c") if "limit=" in request else piece("abc", None)]

    with hostile(slow) as server:
        cluster = connected(server.kubeconfig(tmp_path / "k"), timeout=PATIENCE)
        found = [str(w.name) for w in observed(cluster, "shop").workloads]

    assert found == ["a", "b", "c"]


def test_ten_thousand_objects_are_a_list(connected: Connected, tmp_path: Path) -> None:
    names = [f"web{number:05}" for number in range(10_000)]

    def asked(request: str) -> list[bytes]:
        _, at, rest = request.partition("continue=")
        begin = int(rest.split()[0]) if at else 0
        end = begin + reading.CHUNK
        return [piece(names[begin:end], str(end) if end < len(names) else None)]

    with hostile(asked) as server:
        cluster = connected(server.kubeconfig(tmp_path / "k"), timeout=PATIENCE)
        found = [str(w.name) for w in observed(cluster, "shop").workloads]

    assert found == names


@pytest.mark.parametrize("value", ["9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT", "86400"])
def test_patience_beyond_all_reason_is_not_given(
    connected: Connected, tmp_path: Path, value: str
) -> None:
    busy = answer(b"{}", f"Retry-After: {value}", status="503 Service Unavailable")
    with hostile(lambda _: [busy]) as server:
        cluster = connected(server.kubeconfig(tmp_path / "k"), timeout=PATIENCE)
        error = observed(cluster, "shop").errors[Kind.DEPLOYMENT]

    assert isinstance(error, ClusterError)
    assert len(server.requests) == 1
