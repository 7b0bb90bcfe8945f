"""Objects whose status changes all the time are removed; what became another one is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from gitops_cli.domain.cluster.imagepatch import Stamp
from gitops_cli.domain.cluster.workload import COMMIT
from gitops_cli.domain.errors import ClusterError, GitOpsError
from gitops_cli.domain.manifests.applyset import PART_OF
from gitops_cli.domain.manifests.lookup import Lookup
from gitops_cli.domain.manifests.objects import Manifest, ObjectId
from gitops_cli.domain.manifests.ownership import Live, ManagerEntry
from gitops_cli.domain.manifests.rendered import Form, Rendered
from gitops_cli.domain.manifests.report import Fate
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.operations.objects_apply import Applying
from gitops_cli.operations.objects_seen import Leftover, Looked
from gitops_cli.operations.ports import Manifests
from gitops_cli.operations.pruning import prune

ENV = EnvironmentName("shop-dev")
OURS = ManagerEntry("gitops", "Apply", "", {"f:data": {}})
SEEN = Live("web", "uid", "1", {PART_OF: "set"}, {COMMIT: "c"}, (OURS,))
GONE = Leftover(ObjectId("apps", "Deployment", ENV, "web"), SEEN)


@dataclass
class Store:
    """A cluster that has one object, of which each version is there for one request."""

    versions: list[Live | GitOpsError | None]
    asked: list[str] = field(default_factory=list)

    def delete(self, object_id: ObjectId, api: str | None, live: Live, *, dry_run: bool) -> bool:
        self.asked.append(live.version)
        now = self.versions[0]
        return isinstance(now, Live) and now.version == live.version

    def find(self, lookups: Sequence[Lookup]) -> list[dict[str, Live] | GitOpsError]:
        found = self.versions[0]
        if len(self.versions) > 1:
            self.versions.pop(0)
        if isinstance(found, GitOpsError):
            return [found]
        return [{} if found is None else {found.name: found}]


def pruned(*versions: Live | GitOpsError | None) -> tuple[Fate, list[str]]:
    store = Store(list(versions))
    kept = Manifest(ObjectId("", "ConfigMap", ENV, "a"), "v1", {}, "a.yaml", 1)
    looked = Looked(ENV, Rendered(ENV, "m", Form.PLAIN, (kept,)), leftovers=(GONE,))
    port = cast(Manifests, store)
    applying = Applying(port, lambda: Stamp(None), None, lambda _: None, dry_run=False)
    [fate] = prune(looked, applying, many=False, failed=False).fates
    return fate.fate, store.asked


def test_one_that_did_not_change_goes_at_once() -> None:
    assert pruned(SEEN) == (Fate.PRUNED, ["1"])


def test_one_whose_status_changed_meanwhile_goes_as_well() -> None:
    assert pruned(SEEN._replace(version="2")) == (Fate.PRUNED, ["1", "2"])


def test_one_that_changes_all_the_time_is_left() -> None:
    versions = [SEEN._replace(version=str(number)) for number in range(2, 9)]
    assert pruned(*versions) == (Fate.EXTRA, ["1", "2", "3"])


NEWER: dict[str, Any] = {"version": "2"}


@pytest.mark.parametrize(
    "now",
    [
        None,
        ClusterError("no answer"),
        SEEN._replace(uid="another", **NEWER),
        SEEN._replace(labels={}, **NEWER),
        SEEN._replace(annotations={COMMIT: "d"}, **NEWER),
        SEEN._replace(annotations={COMMIT: "c", "gitops-cli/keep": "true"}, **NEWER),
        SEEN._replace(entries=(), **NEWER),
    ],
)
def test_one_that_is_another_one_by_now_is_left(now: Live | GitOpsError | None) -> None:
    assert pruned(now) == (Fate.EXTRA, ["1"])
