"""The clusters of a run: what is begun in the background has ended when they are closed."""

from __future__ import annotations

import threading
from typing import cast

from gitops_cli.operations.placement import Clusters
from gitops_cli.operations.ports import Cluster


class Connecting:
    """A cluster that is connected to only once somebody waits for that."""

    def __init__(self) -> None:
        self.told = threading.Event()
        self.did: list[str] = []

    def connect(self, context: str | None, declared: bool) -> Cluster:
        self.told.wait(60)
        self.did.append("connect")
        return cast(Cluster, self)

    def open(self) -> None:
        self.did.append("open")

    def close(self) -> None:
        self.did.append("close")


def test_closing_waits_for_the_warming_up() -> None:
    connecting = Connecting()
    clusters = Clusters(connecting.connect)
    clusters.warm_up()
    threading.Timer(0.2, connecting.told.set).start()

    clusters.close()

    assert connecting.did == ["connect", "open", "close"]


def test_closing_without_warming_up_has_nothing_to_wait_for() -> None:
    Clusters(Connecting().connect).close()
