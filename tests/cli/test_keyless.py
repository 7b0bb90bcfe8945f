"""Gates on who signed: an identity's signature passes, and is recorded by the digest it is of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.vouching import NEW, OLD, PROD, SLSA, begin, promote, pushed, recorded
from tests.registry.scripted import Scripted
from tests.registry.signing import Shelf, shelved
from tests.registry.sigstore import ISSUER, WORKFLOW, Sigstore
from tests.testbed.gitops import Gitops

OURS, THEIRS = Sigstore(), Sigstore()
BY = f"identity = '{WORKFLOW}', issuer = '{ISSUER}', trusted_root = 'keys/root.json'"
SIGNED = f"""\
stages = ["development", "production"]
[stage.production]
signature = {{ {BY} }}
"""


@pytest.fixture
def shelf() -> Shelf:
    shelf = Shelf(has_referrers=True)
    shelf.image(OLD)
    shelf.image(NEW)
    return shelf


@pytest.fixture
def registry(shelf: Shelf) -> Iterator[Scripted]:
    with shelved(shelf) as server:
        yield server


@pytest.fixture
def state(tmp_path: Path, registry: Scripted) -> Path:
    return begin(tmp_path, registry, {"gitops.toml": SIGNED, "keys/root.json": OURS.trusted_root()})


@pytest.fixture
def gitops(gitops: Gitops, state: Path) -> Gitops:
    return gitops.using(GITOPS_REPO=state)


def test_what_the_identity_signed_passes_and_its_digest_is_recorded(
    gitops: Gitops, state: Path, shelf: Shelf
) -> None:
    digest = shelf.tags[NEW]
    shelf.attach_bundle(digest, OURS.bundle(digest))
    done = promote(gitops).ok()
    assert recorded(state) == f"{NEW}@{digest}"
    assert f"signature: web has one of {WORKFLOW} ({ISSUER})" in " ".join(done.stdout.split())


def test_what_somebody_else_signed_is_refused_by_its_line(
    gitops: Gitops, state: Path, shelf: Shelf
) -> None:
    digest = shelf.tags[NEW]
    shelf.attach_bundle(digest, OURS.bundle(digest, by=OURS.issue("eve@example.com")))
    refused = promote(gitops)
    assert refused.code == 6
    assert f"gitops.toml:3: web bbbbbbb may not come to {PROD} yet: signature" in refused.stderr
    assert "that of eve@example.com does not count" in refused.stderr
    assert f"`cosign sign IMAGE@DIGEST` as {WORKFLOW}" in refused.stderr
    assert recorded(state) == OLD

    promote(gitops, "--override-policy", "-m", "incident 7").ok()
    [last, *_] = gitops("history", "web", "-e", PROD, "-o", "json").ok().json()["entries"]
    assert last["overrides"] == ["policy"]


@pytest.mark.parametrize(
    ("root", "said"),
    [
        pytest.param(THEIRS.trusted_root(), "there is no signature of", id="another instance"),
        pytest.param(None, "there is no keys/root.json in the repository", id="no file"),
        pytest.param("{}", "keys/root.json is no trusted root of Sigstore's", id="no root"),
    ],
)
def test_a_root_that_does_not_know_the_signature_refuses(
    gitops: Gitops, state: Path, shelf: Shelf, root: str | None, said: str
) -> None:
    digest = shelf.tags[NEW]
    shelf.attach_bundle(digest, OURS.bundle(digest))
    pushed(state, "keys/root.json", root)
    refused = promote(gitops)
    assert (refused.code, said in refused.stderr) == (6, True)
    assert "gitops.toml:3" in refused.stderr


def test_an_attestation_of_an_identity_is_wanted_beside_it(
    gitops: Gitops, state: Path, shelf: Shelf
) -> None:
    pushed(state, "gitops.toml", f"{SIGNED}attestation = {{ {BY}, type = '{SLSA}' }}\n")
    digest = shelf.tags[NEW]
    shelf.attach_bundle(digest, OURS.bundle(digest))
    refused = promote(gitops)
    assert (refused.code, f"no attestation {SLSA}" in refused.stderr) == (6, True)
    assert "gitops.toml:4" in refused.stderr
    shelf.attach_bundle(digest, OURS.bundle(digest, SLSA))
    done = promote(gitops, "-o", "json").ok().json()
    assert [(g["gate"], g["passes"]) for g in done["gates"]] == [
        ("signature", True),
        ("attestation", True),
    ]


def test_a_tag_that_moves_after_the_check_brings_nothing_else(
    gitops: Gitops, state: Path, shelf: Shelf
) -> None:
    digest = shelf.tags[NEW]
    shelf.attach_bundle(digest, OURS.bundle(digest))
    promote(gitops).ok()
    shelf.image(NEW, salt="evil")
    assert recorded(state) == f"{NEW}@{digest}"
    assert gitops("set", f"web={NEW}", "-e", PROD).code == 6
