"""What is said of an object that was, or was not, written."""

from __future__ import annotations

import pytest

from gitops_cli.domain.errors import ClusterError
from gitops_cli.domain.manifests.objects import ObjectId
from gitops_cli.domain.manifests.report import Fate, ObjectFate

ID = ObjectId("", "ConfigMap", "shop", "web")
WRITTEN = (Fate.CREATED, Fate.CHANGED, Fate.ADOPTED, Fate.PRUNED)


@pytest.mark.parametrize("fate", Fate)
def test_what_was_meant_and_failed_was_not_done(fate: Fate) -> None:
    failed = ObjectFate(ID, None, fate, error=ClusterError("no"))

    assert failed.done is (Fate.ERROR if fate in WRITTEN else fate)
    assert not failed.is_written
    well = ObjectFate(ID, None, fate)
    assert (well.done, well.is_written) == (fate, fate in WRITTEN)
