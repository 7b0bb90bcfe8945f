"""The branch's commits read in one walk are what each of them is when it is read by itself."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.state.test_foreign_objects import stored, tree_of
from tests.state.world import DEV, World, opened
from tests.testbed.git import git

ADA = b"Ada <ada@example.com> 1793606400 +0100"
BOB = b"Bob Builder <bob@example.com> 1793606500 -0730"
PROMOTED = b"""Promote web

Because it is time.
commit 1,2,3
:100644 100644 a b M

Gitops-Action: promote
Gitops-Reason: OPS-7
"""
ODD = [
    pytest.param(ADA, b"", b"Set web\n", id="one line"),
    pytest.param(ADA, b"", b"\n\n  Set web  \n\n", id="blanks around"),
    pytest.param(ADA, b"", b"", id="nothing"),
    pytest.param(BOB, b"", PROMOTED, id="trailers"),
    pytest.param(BOB, b"", b"a\r\n\r\nb\r\n\r\nGitops-Action: set\r\n", id="carriage returns"),
    pytest.param(b"J\xf6rg <j@b> 5 +0000", b"encoding ISO-8859-1\n", b"F\xfcr\n", id="latin"),
    pytest.param(ADA, b"", "Für Ägypten \u202e\n".encode(), id="utf-8"),
    pytest.param(b"<" * 50, b"", b"Set web\n", id="nobody"),
    pytest.param(ADA, b"encoding hex\n", b"Set web\n", id="no encoding"),
    pytest.param(ADA, b"gpgsig -----BEGIN\n \n iQ\n -----END\n", b"Signed\n", id="signed"),
    pytest.param(b"A <a@b> 1793606400 +9959", b"", b"zone\n", id="no such zone"),
]


@pytest.mark.parametrize(("who", "headers", "message"), ODD)
def test_a_commit_of_a_walk_is_the_commit(
    world: World, who: bytes, headers: bytes, message: bytes
) -> None:
    clone = world.clone()
    blob = stored(clone, "blob", b"c" * 40 + b"\n")
    inner = tree_of(clone, ("100644", b"web.deployment", blob))
    tree = tree_of(clone, ("40000", DEV.encode(), inner))
    before = git(clone, "rev-parse", "HEAD")
    data = b"tree %b\nparent %b\nauthor %b\ncommitter %b\n%b\n%b"
    parts = (tree.encode(), before.encode(), who, ADA, headers, message)
    tip = stored(clone, "commit", data % parts)
    git(clone, "update-ref", "refs/heads/main", tip)
    state = opened(clone)

    recent = state.past.recent_changes(
        tip, lambda path: True, since=None, now=datetime(2027, 1, 1, tzinfo=UTC)
    )

    read = {change.commit.hash: change.commit for _, change in recent.changes}
    assert {tip, before} <= set(read)
    for name, commit in read.items():
        assert commit == state.commit(name)
