"""What the commands of the cluster leave of the user's files; tests/pressure has the others."""

from __future__ import annotations

from tests.cli.live import NEW, OLD, Live
from tests.state.world import fingerprint
from tests.testbed.git import git

REMEMBERED = {".git/refs/remotes/origin/main", ".git/logs/refs/remotes/origin/main"}


def test_a_messy_clone_is_byte_for_byte_the_same(behind: Live) -> None:
    clone, name = behind.clone, behind.namespace
    git(clone, "pull", "-q")
    (clone / name / "web.deployment").write_text("stashed\n")
    git(clone, "stash", "-q")
    (clone / name / "web.deployment").write_text("staged\n")
    git(clone, "add", ".")
    (clone / name / "web.deployment").write_text("and modified again\n")
    (clone / name / "images_path").unlink()
    (clone / "untracked.txt").write_text("u\n")
    behind.record({"notes.txt": "so that the clone is behind"})
    before = fingerprint(clone, objects=False)

    assert behind.diff().code == 1
    behind.sync("--wait").ok()
    assert "in sync" in behind.diff("-o", "wide").ok().stdout
    behind.gitops("wait", name, "--timeout", "2m").ok()
    assert behind.gitops("agent", "status", name).code == 1
    behind.run("StatefulSet", "db", OLD)
    behind.gitops("capture", name).ok()

    assert git(behind.remote, "show", f"main:{name}/db.statefulset") == OLD
    assert git(behind.remote, "show", f"main:{name}/web.deployment") == NEW
    after = fingerprint(clone, objects=False)
    changed = {path for path in before | after if before.get(path) != after.get(path)}
    assert changed <= REMEMBERED
