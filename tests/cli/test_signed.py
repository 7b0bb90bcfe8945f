"""Gates on signatures: what passes is recorded by the digest that was checked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.vouching import DEV, NEW, OLD, PROD, SLSA, begin, promote, pushed, recorded
from tests.registry.scripted import Reply, Scripted, scripted
from tests.registry.signing import Shelf, envelope, new_key, public, shelved
from tests.testbed.git import git
from tests.testbed.gitops import Gitops

OURS, THEIRS = new_key(), new_key()
SIGNED = """\
stages = ["development", "production"]
[stage.production]
signature = { key = "keys/cosign.pub" }
"""
ATTESTED = f"{SIGNED}attestation = {{ key = 'keys/cosign.pub', type = '{SLSA}' }}\n"


@pytest.fixture
def shelf() -> Shelf:
    shelf = Shelf()
    shelf.image(OLD)
    shelf.image(NEW)
    return shelf


@pytest.fixture
def registry(shelf: Shelf) -> Iterator[Scripted]:
    with shelved(shelf) as server:
        yield server


@pytest.fixture
def state(tmp_path: Path, registry: Scripted) -> Path:
    return begin(tmp_path, registry, {"gitops.toml": SIGNED, "keys/cosign.pub": public(OURS)})


@pytest.fixture
def gitops(gitops: Gitops, state: Path) -> Gitops:
    return gitops.using(GITOPS_REPO=state)


def test_what_is_signed_passes_and_its_digest_is_recorded(
    gitops: Gitops, state: Path, shelf: Shelf
) -> None:
    digest = shelf.tags[NEW]
    shelf.attach(digest, envelope(OURS, digest))

    done = promote(gitops).ok()

    assert recorded(state) == f"{NEW}@{digest}"
    assert "signature: web has one of keys/cosign.pub" in done.stdout
    again = promote(gitops).ok()
    assert "nothing to do" in again.stdout


def test_a_tag_that_moves_after_the_check_brings_nothing_else(
    gitops: Gitops, state: Path, shelf: Shelf
) -> None:
    digest = shelf.tags[NEW]
    shelf.attach(digest, envelope(OURS, digest))
    promote(gitops).ok()

    shelf.image(NEW, salt="evil")

    assert recorded(state) == f"{NEW}@{digest}", "a digest cannot move"
    refused = gitops("set", f"web={NEW}", "-e", PROD)
    assert (refused.code, "there is no signature of keys/cosign.pub" in refused.stderr) == (6, True)


@pytest.mark.parametrize("key", [THEIRS, None], ids=["another key", "nobody"])
def test_what_is_not_signed_is_refused_by_its_line(
    gitops: Gitops, state: Path, shelf: Shelf, key: object
) -> None:
    digest = shelf.tags[NEW]
    if key is not None:
        shelf.attach(digest, envelope(THEIRS, digest))
    before = git(state, "rev-parse", "main")
    for refused in (promote(gitops), gitops("set", f"web={NEW}", "-e", PROD)):
        assert refused.code == 6
        assert f"gitops.toml:3: web bbbbbbb may not come to {PROD} yet" in refused.stderr
        assert "cosign sign --key" in refused.stderr
    assert git(state, "rev-parse", "main") == before


def test_an_override_lets_it_by_and_is_seen_in_history(gitops: Gitops, state: Path) -> None:
    promote(gitops, "--override-policy", "-m", "incident 7").ok()
    assert recorded(state) == NEW
    [last, *_] = gitops("history", "web", "-e", PROD, "-o", "json").ok().json()["entries"]
    assert last["overrides"] == ["policy"]


def test_a_registry_that_does_not_tell_refuses_and_can_be_overridden(
    gitops: Gitops, state: Path, shelf: Shelf
) -> None:
    shelf.broken = True
    refused = promote(gitops)
    assert refused.code == 5
    promote(gitops, "--override-policy", "-m", "the registry is down").ok()
    assert recorded(state) == NEW


def test_an_attestation_is_wanted_beside_the_signature(
    gitops: Gitops, state: Path, shelf: Shelf
) -> None:
    pushed(state, "gitops.toml", ATTESTED)
    digest = shelf.tags[NEW]
    shelf.attach(digest, envelope(OURS, digest))
    refused = promote(gitops)
    assert (refused.code, f"no attestation {SLSA}" in refused.stderr) == (6, True)

    shelf.attach(digest, envelope(OURS, digest, SLSA))
    done = promote(gitops, "-o", "json").ok().json()
    assert [(g["gate"], g["passes"]) for g in done["gates"]] == [
        ("signature", True),
        ("attestation", True),
    ]


def test_a_check_is_asked_once_and_of_what_is_recorded(
    gitops: Gitops, state: Path, shelf: Shelf
) -> None:
    digest = shelf.tags[NEW]
    shelf.attach(digest, envelope(OURS, digest))
    with scripted(lambda request: Reply(200)) as page:
        check = f'[stage.production.check.ci]\nurl = "http://{page.address}/ci"\n'
        pushed(state, "gitops.toml", f"{SIGNED}{check}")
        done = promote(gitops, "-o", "json").ok().json()
        assert len(page.requests) == 1
    [gate] = [gate for gate in done["gates"] if gate["gate"] == "check"]
    assert gate["version"] == f"{NEW}@{digest}"


def test_an_approval_is_of_the_digest(gitops: Gitops, state: Path, shelf: Shelf) -> None:
    pushed(state, "gitops.toml", f"{SIGNED}approvals = 1\n")
    digest = shelf.tags[NEW]
    shelf.attach(digest, envelope(OURS, digest))
    bob = gitops.using(
        GIT_AUTHOR_NAME="Bob",
        GIT_AUTHOR_EMAIL="bob@example.com",
        GIT_COMMITTER_NAME="Bob",
        GIT_COMMITTER_EMAIL="bob@example.com",
    )
    bob("approve", "web", "-e", PROD, "--yes").ok()
    assert f"{NEW}@{digest}" in git(state, "show", f"main:{PROD}/web.approval")
    promote(gitops).ok()
    assert recorded(state) == f"{NEW}@{digest}"


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        pytest.param("keys/cosign.pub", None, "there is no keys/cosign.pub", id="no file"),
        pytest.param("keys/cosign.pub", "hello\n", "is no public key in PEM", id="no key"),
    ],
)
def test_a_key_that_cannot_be_read_refuses(
    gitops: Gitops, state: Path, path: str, content: str | None, said: str
) -> None:
    pushed(state, path, content)
    refused = promote(gitops)
    assert (refused.code, said in refused.stderr) == (6, True)
    assert "gitops.toml:3" in refused.stderr


@pytest.mark.parametrize(
    "text",
    [
        'signature = "keys/cosign.pub"',
        "signature = {}",
        'signature = { key = "../cosign.pub" }',
        'signature = { key = "/etc/passwd" }',
        'attestation = { key = "keys/cosign.pub" }',
        'attestation = { type = "x" }',
    ],
)
def test_a_gate_that_cannot_be_read_stops_its_stage(gitops: Gitops, state: Path, text: str) -> None:
    pushed(state, "gitops.toml", f"{SIGNED.partition('signature')[0]}{text}\n")
    assert promote(gitops).code == 2
    gitops("set", f"web={OLD}", "-e", DEV).ok()


def test_a_rollback_needs_no_signature(gitops: Gitops, state: Path, shelf: Shelf) -> None:
    digest = shelf.tags[NEW]
    shelf.attach(digest, envelope(OURS, digest))
    promote(gitops).ok()
    gitops("rollback", "web", "-e", PROD, "--yes").ok()
    assert recorded(state) == OLD
