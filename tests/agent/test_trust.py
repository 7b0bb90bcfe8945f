"""--require-signed: an unsigned tip is refused, the newest trusted commit is followed instead."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gitops_cli.agent.tip_reader import TipReader
from gitops_cli.cluster import schema
from gitops_cli.cluster.parse import workload
from gitops_cli.domain.cluster.sync import Followed
from gitops_cli.domain.cluster.workload import Workload
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.operations.sync import Follow
from tests.agent.signer import Signer, keys_of_signers, run
from tests.agent.world import World
from tests.testbed.controlplane import ControlPlane
from tests.testbed.git import git

SIGNED = "8f14e45fceea167a5a36dedd4bea2543f8e1a4b2"
LATER = "c81e728d9d4c2f636f067f89cc14862c0a5c5a1e"
UNSIGNED = "36a03b3f4c8ba4fc0bdcc529450e557ae08c12f2"


@pytest.fixture
def keys() -> Iterator[Path]:
    with keys_of_signers() as directory:
        yield directory


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


def test_the_newest_trusted_commit_reaches_what_an_older_one_set(world: World, keys: Path) -> None:
    """Whoever can push an unsigned commit must not stop what was signed before it."""
    signer = signer_of(world, keys, "ssh")
    trusted = f"--require-signed={signer.signers}"
    signer.record(f"{world.environment}/authentication.deployment", SIGNED, sign=True)
    world.run(trusted).ok()
    good = signer.record(f"{world.environment}/authentication.deployment", LATER, sign=True)
    signer.record(f"{world.environment}/authentication.deployment", UNSIGNED, sign=False)

    ran = world.run(trusted)

    assert ran.code == 6, str(ran)
    assert "unknown here" not in ran.stdout
    assert world.images()["authentication"].endswith(LATER)
    made = world.kube.get("Deployment", world.environment, "authentication")
    assert made["metadata"]["annotations"]["gitops-cli/commit"] == good


def test_an_unsigned_tip_does_not_end_the_repair_of_what_older_commits_set(
    world: World, keys: Path
) -> None:
    signer = signer_of(world, keys, "ssh")
    trusted = f"--require-signed={signer.signers}"
    signer.record(f"{world.environment}/authentication.deployment", SIGNED, sign=True)
    world.run(trusted).ok()
    for number in range(25):  # beyond the first step of history
        signer.record(f"{world.environment}/orders.deployment", f"{number:040x}", sign=False)
    signer.record(f"{world.environment}/orders.deployment", LATER, sign=True)
    signer.record(f"{world.environment}/orders.deployment", UNSIGNED, sign=False)
    kube, name = world.kube, "authentication"
    drifted = world.images()[name].replace(SIGNED, UNSIGNED)
    kube.set_image("Deployment", world.environment, name, name, drifted)

    ran = world.run(trusted)

    assert ran.code == 6, str(ran)
    assert world.images()[name].endswith(SIGNED)
    assert world.images()["orders"].endswith(LATER)


def test_what_a_newer_commit_set_is_left_though_an_older_one_is_followed(
    world: World, control_plane: ControlPlane, keys: Path
) -> None:
    signer = signer_of(world, keys, "ssh")
    good = signer.record(f"{world.environment}/authentication.deployment", SIGNED, sign=True)
    bad = signer.record(f"{world.environment}/authentication.deployment", UNSIGNED, sign=False)
    person = world.gitops.using(
        GITOPS_REPO=world.article.remote, KUBECONFIG=control_plane.kubeconfig
    )
    person("sync", world.environment, "--yes").ok()

    ran = world.run(f"--require-signed={signer.signers}")

    assert ran.code == 6, str(ran)
    assert world.images()["authentication"].endswith(UNSIGNED)
    assert f"{bad[:7]}, which is newer than {good[:7]}" in world.status()["error"]


def test_ancestry_is_known_where_history_was_fetched(world: World, keys: Path) -> None:
    signer = signer_of(world, keys, "ssh")
    file = f"{world.environment}/authentication.deployment"
    start = git(signer.clone, "rev-parse", "HEAD")
    first = signer.record(file, SIGNED, sign=True)
    tip = signer.record(file, UNSIGNED, sign=False)
    signers = signer.signers / "allowed_signers"
    url = f"file://{world.article.remote}"
    with closing(TipReader(url, environment=world.gitops.environment)) as tips:
        assert tips.bring(tips.look()) == tip
        assert tips.is_ancestor(first, tip) is None, "nothing but the tip is here"

        assert tips.newest_trusted(tip, ssh_signers=signers, keyring=None) == first

        assert tips.is_ancestor(start, first) is True
        assert tips.is_ancestor(first, tip) is True
        assert tips.is_ancestor(tip, first) is None, "history ends somewhere, and so may the way"
        nobody = keys / "nobody"
        nobody.touch()
        assert tips.newest_trusted(tip, ssh_signers=nobody, keyring=None) is None
        assert tips.is_ancestor(tip, first) is False, "all of it was fetched"
        assert tips.is_ancestor("f" * 40, first) is None
        assert tips.is_ancestor("--help", first) is None


def test_fresh_is_the_tip_that_was_judged(world: World, keys: Path) -> None:
    """A commit that came after the judgement is not overwritten, one that is gone is."""
    signer = signer_of(world, keys, "ssh")
    file = f"{world.environment}/authentication.deployment"
    first = signer.record(file, SIGNED, sign=True)
    tip = signer.record(file, UNSIGNED, sign=False)
    signers = signer.signers / "allowed_signers"
    kube, environment = world.kube, world.environment

    def recording(commit: str) -> Workload:
        notes = {"metadata": {"annotations": {"gitops-cli/commit": commit}}}
        kube.patch("Deployment", environment, "authentication", notes)
        found = kube.get("Deployment", environment, "authentication")
        return workload(Kind.DEPLOYMENT, schema.WORKLOAD.decode(json.dumps(found)))

    url = f"file://{world.article.remote}"
    with closing(TipReader(url, environment=world.gitops.environment)) as tips:
        tips.bring(tips.look())
        tips.newest_trusted(tip, ssh_signers=signers, keyring=None)
        ours = Followed(first, fresh=True, judged=tip)
        assert Follow(tips, ours).reason_to_leave(recording("f" * 40)) is None

        later = signer.record(file, LATER, sign=False)
        tips.look()

        left = Follow(tips, ours).reason_to_leave(recording(later))
    assert left == f"it records state commit {later[:7]}, which is unknown here"


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
