"""--require-signed: an unsigned tip is refused, the newest trusted commit is followed instead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.signer import Signer, ending_gpg, run
from tests.agent.world import World

SIGNED = "8f14e45fceea167a5a36dedd4bea2543f8e1a4b2"
UNSIGNED = "36a03b3f4c8ba4fc0bdcc529450e557ae08c12f2"


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[Path]:
    """Return a directory for keys; the agent that gpg started for them ends with the test."""
    with ending_gpg(tmp_path / "gnupg"):
        yield tmp_path


def signer_of(world: World, keys: Path, form: str) -> Signer:
    return Signer(world.article.clone(f"signer-{form}"), keys, form)


@pytest.mark.parametrize("form", ["ssh", "openpgp"])
def test_an_unsigned_tip_is_refused_and_the_newest_trusted_commit_followed(
    world: World, keys: Path, form: str
) -> None:
    signer = signer_of(world, keys, form)
    file = f"{world.environment}/authentication.deployment"
    trusted = f"--require-signed={signer.signers}"
    before = world.images()

    ran = world.run(trusted)
    assert ran.code == 6
    assert world.images() == before
    assert "no commit" in world.status()["error"]

    good = signer.record(file, SIGNED, sign=True)
    world.run(trusted).ok()
    assert world.images()["authentication"].endswith(SIGNED)
    assert world.status()["commit"] == good

    bad = signer.record(file, UNSIGNED, sign=False)
    ran = world.run(trusted)
    assert ran.code == 6
    assert world.images()["authentication"].endswith(SIGNED)
    status = world.status()
    assert status["tip"] == bad
    assert status["commit"] == good
    assert f"{bad[:7]} is not signed" in status["error"]
    assert good[:7] in status["error"]

    world.kube.set_image(
        "Deployment",
        world.environment,
        "authentication",
        "authentication",
        world.images()["authentication"].replace(SIGNED, UNSIGNED),
    )
    assert world.run(trusted).code == 6
    assert world.images()["authentication"].endswith(SIGNED)

    again = signer.record(file, "5" * 40, sign=True)
    world.run(trusted).ok()
    assert world.images()["authentication"].endswith("5" * 40)
    assert world.status()["commit"] == again


def test_somebody_elses_signature_is_not_trusted(world: World, tmp_path: Path) -> None:
    signer = signer_of(world, tmp_path, "ssh")
    other = tmp_path / "other"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other))
    signer.options["user.signingKey"] = str(other)
    signer.record(f"{world.environment}/authentication.deployment", SIGNED, sign=True)

    ran = world.run(f"--require-signed={signer.signers}")

    assert ran.code == 6
    assert not world.images()["authentication"].endswith(SIGNED)


def test_an_empty_directory_trusts_nobody(world: World, tmp_path: Path) -> None:
    ran = world.run(f"--require-signed={tmp_path}")

    assert ran.code == 2
    assert "nobody's commits are trusted" in ran.stdout
