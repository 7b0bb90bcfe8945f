"""What is to be looked for in a cluster."""

from __future__ import annotations

from typing import NamedTuple


class Lookup(NamedTuple):
    """Objects of one kind: all of a namespace, or `names`, or those with `labels`.

    `type` is group and kind; without an `api_version` the usual one is read. `namespace` is None
    for kinds of the cluster.
    """

    type: tuple[str, str]
    api_version: str | None
    namespace: str | None
    names: tuple[str, ...] = ()
    labels: str = ""
