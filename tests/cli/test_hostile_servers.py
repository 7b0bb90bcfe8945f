"""Servers that trickle, never end, or page for ever: each command ends in time, and stays small."""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.testbed import measured
from tests.testbed.git import Commit, add_commits, git, init_bare
from tests.testbed.gitops import Gitops, Ran
from tests.testbed.hostile import (
    Answers,
    Hostile,
    answer,
    hostile,
    silence,
    trickled,
    without_end,
)
from tests.testbed.manifests import deployment
from tests.testbed.patience import HANGING

pytestmark = pytest.mark.sweep

SECONDS = 1.0
MEGABYTES = 150
OK = b"HTTP/1.1 200 OK\r\n"
JSON = b"Content-Type: application/json\r\n"
CHUNKED = OK + JSON + b"Transfer-Encoding: chunked\r\n\r\n"
BLOCK = b"10000\r\n" + b'{"a":[' * 10_922 + b"    " + b"\r\n"  # 65,536 bytes, and never a value


def pages(namespace: str) -> Answers:
    """Answer every LIST with new objects, and the word that there are more."""
    numbers = itertools.count()

    def page(_: str) -> Iterable[bytes]:
        items = [deployment(f"web{next(numbers)}", "r/web:1") for _ in range(500)]
        for item in items:
            item["metadata"]["namespace"] = namespace
        metadata = {"continue": str(next(numbers)), "resourceVersion": "1"}
        return [answer(json.dumps({"metadata": metadata, "items": items}).encode())]

    return page


SERVERS: dict[str, Answers] = {
    "says nothing": lambda _: silence(),
    "status line at a byte a moment": lambda _: trickled(b"HTTP/1.1 200 OK    ", 0.1),
    "header at a byte a moment": lambda _: itertools.chain(
        [OK], trickled(b"X-Long: aaaaaaaa", 0.1)
    ),
    "body at a byte a moment": lambda _: itertools.chain(
        [OK + JSON + b"Content-Length: 1000000\r\n\r\n"], trickled(b"[ ", 0.1)
    ),
    "chunks at a byte a moment": lambda _: itertools.chain([CHUNKED], trickled(b"1\r\n[\r\n", 0.1)),
    "line without end": lambda _: without_end(b"HTTP/1.1 200 ", b"O" * 65536),
    "headers without end": lambda _: without_end(OK, b"X-Another: " + b"a" * 8000 + b"\r\n"),
    "promises without end": lambda _: without_end(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "chunks without end": lambda _: without_end(CHUNKED, BLOCK),
    "small chunks without end": lambda _: without_end(CHUNKED, b"2\r\n[]\r\n" * 8192),
    "body without length and end": lambda _: without_end(OK + JSON + b"\r\n", BLOCK),
    "trailer without end": lambda _: without_end(CHUNKED + b"0\r\n", b"X: a\r\n" * 8192),
    "refuses without end": lambda _: without_end(CHUNKED.replace(b"200", b"503"), BLOCK),
}
TELLING = ["header at a byte a moment", "chunks without end"]


class Measured:
    """Runs a command against its time and memory."""

    def __init__(self, gitops: Gitops, file: Path) -> None:
        self._gitops = gitops.under(sys.executable, "-I", "-S", measured.__file__, str(file))
        self._file = file

    def __call__(self, *arguments: str) -> Ran:
        began = time.monotonic()
        done = self._gitops(*arguments, "--timeout", f"{SECONDS:.0f}s")
        took = time.monotonic() - began
        assert took < HANGING, f"{took:.1f} s: {done}"
        assert int(self._file.read_text()) < MEGABYTES, str(done)
        assert "Traceback" not in done.stderr, str(done)
        return done


def clusters(clone: Gitops, server: Hostile, tmp_path: Path) -> Measured:
    """Return the command where all clusters are that server."""
    there = clone.using(KUBECONFIG=server.kubeconfig(tmp_path / "kubeconfig"))
    return Measured(there, tmp_path / "peak")


@pytest.mark.parametrize("kind", SERVERS)
def test_diff_ends(clone: Gitops, tmp_path: Path, kind: str) -> None:
    with hostile(SERVERS[kind]) as server:
        done = clusters(clone, server, tmp_path)("diff")

    assert done.code in (5, 8), str(done)


@pytest.mark.parametrize("kind", TELLING)
@pytest.mark.parametrize(
    "command",
    [
        ["sync", "project1-staging"],
        ["sync", "project1-staging", "--dry-run=server"],
        ["wait", "project1-staging"],
        ["capture", "project1-staging", "--yes"],
    ],
    ids=" ".join,
)
def test_others_end(clone: Gitops, tmp_path: Path, kind: str, command: list[str]) -> None:
    with hostile(SERVERS[kind]) as server:
        done = clusters(clone, server, tmp_path)(*command)

    assert done.code in (5, 8), str(done)


@pytest.mark.parametrize("kind", TELLING)
def test_watch_ends(clone: Gitops, tmp_path: Path, kind: str) -> None:
    with hostile(SERVERS[kind]) as server:
        clusters(clone, server, tmp_path)("watch", "project1-staging")


def test_lists_that_page_for_ever_end(clone: Gitops, tmp_path: Path) -> None:
    with hostile(pages("project1-staging")) as server:
        done = clusters(clone, server, tmp_path)("diff", "project1-staging")

    assert done.code in (5, 8), str(done)


# --- registries

OLD, NEW = "a" * 40, "b" * 40


@pytest.fixture
def registry(request: pytest.FixtureRequest) -> Iterator[Hostile]:
    with hostile(SERVERS[request.param]) as server:
        yield server


@pytest.mark.parametrize("registry", [*TELLING, "headers without end"], indirect=True)
@pytest.mark.parametrize("option", ["--verify-image", "--pin"])
def test_set_ends(gitops: Gitops, tmp_path: Path, registry: Hostile, option: str) -> None:
    remote = init_bare(tmp_path / "state.git")
    files: dict[str, str | None] = {
        "shop-development/images_path": f"{registry.address}/shop/\n",
        "shop-development/web.deployment": f"{OLD}\n",
    }
    add_commits(remote, [Commit("start", files, 1_793_606_400)])
    run = Measured(gitops.using(GITOPS_REPO=remote), tmp_path / "peak")
    done = run("set", f"web={NEW}", "-e", "dev", option)

    assert done.code in (5, 8), str(done)
    assert git(remote, "show", "main:shop-development/web.deployment") == OLD
