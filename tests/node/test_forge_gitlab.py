"""What we ask GitLab, and what our stand-in says, by the types of GitLab's own client.

Its description is in no package, but its client for Go has each field: tests/forge/gitlab asks it.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from gitops_cli.forge.gitlab import GitLab
from tests.forge.conversation import conversation
from tests.forge.fakes import PROJECT
from tests.forge.lab import GitLabFake
from tests.testbed import golang

pytestmark = [pytest.mark.node, pytest.mark.programs]
MODULE = Path(__file__).parents[1] / "forge" / "gitlab"
# Method and end of the path: what is asked for in the query, what is sent, what comes back.
TYPES = {
    ("GET", "/user"): (None, None, "User"),
    ("GET", "/users"): ("ListUsersOptions", None, "User"),
    ("GET", "/merge_requests"): ("ListProjectMergeRequestsOptions", None, "BasicMergeRequest"),
    ("POST", "/merge_requests"): (None, "CreateMergeRequestOptions", "BasicMergeRequest"),
    ("GET", "/merge_requests/N"): (None, None, "BasicMergeRequest"),
    ("GET", "/merge_requests/N/commits"): ("GetMergeRequestCommitsOptions", None, "Commit"),
    ("PUT", "/merge_requests/N"): (None, "UpdateMergeRequestOptions", "BasicMergeRequest"),
    ("PUT", "/merge_requests/N/merge"): (None, "AcceptMergeRequestOptions", "BasicMergeRequest"),
    ("GET", "/merge_requests/N/notes"): ("ListMergeRequestNotesOptions", None, "Note"),
    ("POST", "/merge_requests/N/notes"): (None, "CreateMergeRequestNoteOptions", "Note"),
    ("PUT", "/merge_requests/N/notes/N"): (None, "UpdateMergeRequestNoteOptions", "Note"),
}


def judge() -> Path:
    """Return the program, built if it has changed."""
    files = [file for file in MODULE.iterdir() if file.is_file()]
    made_of = golang.hash_of(files, golang.FLAGS)
    out = golang.cache_directory() / f"gitlab-types-{made_of}" / "judge"
    out.parent.mkdir(parents=True, exist_ok=True)
    with golang.locked(out.parent / "lock"):
        if not out.exists():
            golang.build("GitLab's types", ["."], out, module=MODULE)
            golang.remove_unused("gitlab-types-*", keep=out.parent)
    return out


def faults(lines: list[dict[str, object]]) -> list[str]:
    said = subprocess.run(
        [judge()],
        input="".join(f"{json.dumps(line)}\n" for line in lines),
        capture_output=True,
        text=True,
        check=True,
    )
    return said.stdout.splitlines()


def exchanged() -> Iterator[dict[str, object]]:
    for asked, said in conversation(GitLabFake(), "/api/v4", lambda api: GitLab(api, PROJECT)):
        path, query = urlsplit(asked.path)[2:4]
        end = re.sub(r"/\d+(?=/|$)", "/N", re.sub(r"^/api/v4(/projects/[^/]+)?", "", path))
        options, sent, back = TYPES[asked.method, end]
        if query or options:
            yield {"type": f"{options}?", "content": dict(parse_qsl(query))}
        if asked.body or sent:
            yield {"type": sent, "content": json.loads(asked.body or b"null")}
        yield {"type": back, "content": json.loads(said.body)}


def test_all_that_is_asked_and_answered_is_of_its_types() -> None:
    lines = list(exchanged())

    assert {line["type"] for line in lines} >= {sent for _, sent, _ in TYPES.values() if sent}
    assert faults(lines) == []


WRONG = [
    ("CreateMergeRequestOptions", {"tittle": "first"}, "tittle"),
    ("AcceptMergeRequestOptions", {"sha": 1}, "sha"),
    ("BasicMergeRequest", [{"iid": "1"}], "iid"),
    ("BasicMergeRequest", {"author": {"name": "ada", "nick": "a"}}, "nick"),
    ("ListUsersOptions?", {"user": "grace"}, "user"),
]


def test_what_is_of_no_type_is_found() -> None:
    found = faults([{"type": kind, "content": content} for kind, content, _ in WRONG])

    assert len(found) == len(WRONG)
    for fault, (kind, _, word) in zip(found, WRONG, strict=True):
        assert fault.startswith(kind.rstrip("?"))
        assert word in fault
