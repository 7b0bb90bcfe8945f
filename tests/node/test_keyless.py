"""Bundles of the tests' own Sigstore in a real registry: the real cosign and ours agree on each."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gitops_cli.domain.image import ImageRef
from gitops_cli.domain.recorded.signed import Signed, Signer
from gitops_cli.registry.client import Registries
from gitops_cli.registry.signed import Vouched
from tests.registry.signing import BUNDLE, COSIGN_SIGN, new_key
from tests.registry.sigstore import ISSUER, SIGNED_AT, WORKFLOW, Clock, Sigstore
from tests.testbed.programs import program
from tests.testbed.registry import running_registry

pytestmark = [pytest.mark.node, pytest.mark.programs, pytest.mark.xdist_group("engines")]
SLSA = "https://slsa.dev/provenance/v1"
OURS, THEIRS = Sigstore(), Sigstore()
Make = Callable[[str, Clock], dict[str, Any]]


def signed(digest: str, _clock: Clock) -> dict[str, Any]:
    return OURS.bundle(digest)


def stamped(digest: str, clock: Clock) -> dict[str, Any]:
    now = datetime.now(UTC)
    return clock.stamp(OURS.bundle(digest, by=OURS.issue(at=now), at=now))


def attested(digest: str, _clock: Clock) -> dict[str, Any]:
    return OURS.bundle(digest, SLSA)


def by_another(digest: str, _clock: Clock) -> dict[str, Any]:
    return OURS.bundle(digest, by=OURS.issue("eve@example.com"))


def said_by_another(digest: str, _clock: Clock) -> dict[str, Any]:
    return OURS.bundle(digest, by=OURS.issue(issuer="https://evil.example.com"))


def late(digest: str, _clock: Clock) -> dict[str, Any]:
    return OURS.bundle(digest, at=SIGNED_AT + timedelta(minutes=11))


def elsewhere(digest: str, _clock: Clock) -> dict[str, Any]:
    return THEIRS.bundle(digest)


def unlogged(digest: str, _clock: Clock) -> dict[str, Any]:
    return OURS.bundle(digest, by=OURS.issue(logged_by=new_key()))


def of_another(_digest: str, _clock: Clock) -> dict[str, Any]:
    return OURS.bundle("sha256:" + "0" * 64)


@pytest.mark.parametrize(
    ("make", "predicate", "good"),
    [
        (signed, COSIGN_SIGN, True),
        (stamped, COSIGN_SIGN, True),
        (attested, SLSA, True),
        (by_another, COSIGN_SIGN, False),
        (said_by_another, COSIGN_SIGN, False),
        (late, COSIGN_SIGN, False),
        (elsewhere, COSIGN_SIGN, False),
        (unlogged, COSIGN_SIGN, False),
        (of_another, COSIGN_SIGN, False),
    ],
)
def test_cosign_and_ours_agree(tmp_path: Path, make: Make, predicate: str, good: bool) -> None:
    clock = Clock.made(tmp_path)
    root = tmp_path / "root.json"
    root.write_text(OURS.trusted_root(*clock.chain))
    with running_registry(tmp_path / "registry") as registry:
        digest = registry.push("team/web", "a" * 40)
        body = json.dumps(make(digest, clock)).encode()
        registry.attach("team/web", digest, BUNDLE, body, predicate)
        name = f"{registry.address}/team/web"

        kind = ("verify",) if predicate == COSIGN_SIGN else ("verify-attestation", f"--type={SLSA}")
        who = (f"--certificate-identity={WORKFLOW}", f"--certificate-oidc-issuer={ISSUER}")
        time = ("--use-signed-timestamps",) if make is stamped else ()
        done = subprocess.run(
            [program("cosign"), *kind, *who, *time, f"--trusted-root={root}", f"{name}@{digest}"],
            env={**os.environ, "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) is good, done.stderr

        identity = Signer(WORKFLOW, ISSUER, "root.json")
        wanted = Signed(identity, None if predicate == COSIGN_SIGN else predicate)
        with closing(Registries({}, {"HOME": str(tmp_path)})) as registries:
            image = ImageRef(name, "a" * 40, digest)
            judged = Vouched(lambda: registries)(image, wanted, root.read_bytes())
        assert judged.good is good, judged.why
