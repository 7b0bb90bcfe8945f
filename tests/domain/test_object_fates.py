"""What is said of an object that was, or was not, written."""

from __future__ import annotations

import pytest

from gitops_cli.domain.errors import ClusterError, ExitCode
from gitops_cli.domain.manifests.objects import ObjectId
from gitops_cli.domain.manifests.report import Conflict, Fate, FieldsTaken, ObjectFate

ID = ObjectId("", "ConfigMap", "shop", "web")
WRITTEN = (Fate.CREATED, Fate.CHANGED, Fate.ADOPTED, Fate.PRUNED)


@pytest.mark.parametrize("fate", Fate)
def test_what_was_meant_and_failed_was_not_done(fate: Fate) -> None:
    failed = ObjectFate(ID, None, fate, error=ClusterError("no"))

    assert failed.done is (Fate.ERROR if fate in WRITTEN else fate)
    assert not failed.is_written
    well = ObjectFate(ID, None, fate)
    assert (well.done, well.is_written) == (fate, fate in WRITTEN)


def test_fields_of_others_are_told_with_whose_they_are() -> None:
    theirs = Conflict("kubectl", (".spec.replicas",))
    taken = FieldsTaken("kubectl has a field", [theirs], hint="take it")

    assert (taken.message, taken.hint, taken.conflicts) == (
        "kubectl has a field",
        "take it",
        (theirs,),
    )
    assert FieldsTaken("x").conflicts == ()
    failed = ObjectFate(ID, None, Fate.CHANGED, error=taken)
    assert (failed.diff_code, failed.sync_code) == (ExitCode.NO, taken.exit_code)
