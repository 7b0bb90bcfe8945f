"""Manifests in the writers' commits: promoted, rolled back, and held by locks. Real git."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testbed.git import Commit, add_commits, git, init_bare
from tests.testbed.gitops import Gitops
from tests.testbed.schemas import check

A, B = "a" * 40, "b" * 40
DEV, PROD = "shop-dev", "shop-prod"
STAGES = 'stages = ["dev", "prod"]\n'


def config(name: str, value: str, namespace: str = "") -> str:
    head = f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n"
    space = f"  namespace: {namespace}\n" if namespace else ""
    return f"{head}{space}data: {{a: '{value}'}}\n"


class State:
    """A remote with two environments, and a clone's command."""

    def __init__(self, directory: Path, gitops: Gitops) -> None:
        self.remote = init_bare(directory / "state.git")
        self.seconds = 1_790_000_000
        self.push(
            {
                "gitops.toml": STAGES,
                f"{DEV}/images_path": "r.example.com/shop/\n",
                f"{DEV}/web.deployment": f"{A}\n",
                f"{DEV}/manifests/a.yaml": config("a", "1", DEV),
                f"{PROD}/images_path": "r.example.com/shop/\n",
                f"{PROD}/web.deployment": f"{A}\n",
                f"{PROD}/manifests/a.yaml": config("a", "1", PROD),
            }
        )
        self.clone = directory / "clone"
        git(directory, "clone", "-q", "--template=", self.remote, self.clone)
        self.gitops = gitops.at(self.clone)

    def push(self, files: dict[str, str | None]) -> str:
        self.seconds += 60
        [commit] = add_commits(self.remote, [Commit("change", files, self.seconds)])
        return commit

    def show(self, path: str) -> str:
        return str(git(self.remote, "show", f"main:{path}"))

    def files(self, name: str) -> list[str]:
        listed = git(self.remote, "ls-tree", "-r", "--name-only", "main", f"{name}/manifests/")
        return [path.removeprefix(f"{name}/manifests/") for path in listed.splitlines()]

    @property
    def tip(self) -> str:
        return str(git(self.remote, "rev-parse", "main"))


@pytest.fixture
def state(tmp_path: Path, gitops: Gitops) -> State:
    return State(tmp_path, gitops)


PROMOTE = ("promote", "--all", "--from", "dev", "--to", "prod", "--with-manifests")


def test_manifests_are_promoted_with_the_versions_in_one_commit(state: State) -> None:
    state.push(
        {
            f"{DEV}/web.deployment": f"{B}\n",
            f"{DEV}/manifests/a.yaml": config("a", "2", DEV),
            f"{DEV}/manifests/b.yaml": config("b", "1"),
            f"{PROD}/manifests/old.yaml": config("old", "1"),
        }
    )
    before = state.tip

    dry = state.gitops(*PROMOTE, "--dry-run", "-o", "json").ok().json()
    done = state.gitops(*PROMOTE, "--yes").ok()

    check(dry)
    made = {one["name"]: one["action"] for one in dry["manifests"]["objects"]}
    assert made == {"a": "changed", "b": "added", "old": "removed"}
    assert "configmap/a (shop-prod/manifests/a.yaml:1) changed" in done.stdout
    assert "+  a: '2'" in done.stdout
    assert git(state.remote, "rev-list", "--count", f"{before}..main") == "1"
    assert state.show(f"{PROD}/web.deployment") == B
    assert f"namespace: {PROD}" in state.show(f"{PROD}/manifests/a.yaml")
    assert state.files(PROD) == ["a.yaml", "b.yaml"]
    again = state.gitops(*PROMOTE, "--yes").ok()
    assert "nothing to do" in again.stdout
    assert "has the manifests of shop-dev already" in again.stderr


def test_what_a_stage_has_for_itself_is_not_promoted(state: State) -> None:
    secret = "kind: Secret\ndata: ENC[AES256_GCM,data:x]\nsops: {mac: x}\n"
    overlay = {
        "base/kustomization.yaml": "resources: [a.yaml]\n",
        "base/a.yaml": config("a", "1"),
        f"{DEV}/manifests/a.yaml": None,
        f"{DEV}/manifests/kustomization.yaml": "resources: [../../base]\nnamePrefix: dev-\n",
    }
    state.push({f"{DEV}/manifests/s.yaml": secret, f"{DEV}/manifests/b.yaml": config("b", "1")})
    copied = state.gitops(*PROMOTE, "--yes").ok()
    assert "1 encrypted file of each stage stays as it is" in copied.stdout
    assert state.files(PROD) == ["a.yaml", "b.yaml"]

    state.push({**overlay, f"{DEV}/manifests/s.yaml": None, f"{DEV}/manifests/b.yaml": None})
    left = state.gitops(*PROMOTE, "--yes").ok()
    assert "shop-dev/manifests is an overlay of base" in left.stderr
    assert state.files(PROD) == ["a.yaml", "b.yaml"]

    state.push(
        {
            "gitops.toml": f'{STAGES}[stage.dev]\nmanifests = "../base"\n'
            '[stage.prod]\nmanifests = "../base"\n',
            f"{DEV}/manifests/kustomization.yaml": None,
            f"{PROD}/manifests/a.yaml": None,
            f"{PROD}/manifests/b.yaml": None,
        }
    )
    same = state.gitops(*PROMOTE, "--yes").ok()
    assert "share base: what is in it holds for both already" in same.stderr


def test_guards_hold_manifests_up(state: State) -> None:
    state.push({f"{DEV}/manifests/a.yaml": config("a", "2")})
    state.gitops("lock", "-e", PROD, "-m", "audit").ok()
    locked = state.gitops(*PROMOTE, "--yes")
    assert (locked.code, "is locked" in locked.stderr) == (6, True)
    state.gitops("unlock", "-e", PROD).ok()

    freeze = f'{STAGES}[stage.prod]\nfreeze = ["2020-01-01 00:00 - 2090-01-01 00:00 UTC"]\n'
    state.push({"gitops.toml": freeze})
    assert state.gitops(*PROMOTE, "--yes").code == 6
    state.push({"gitops.toml": f"{STAGES}[stage.prod]\napprovals = 1\n"})
    unread = state.gitops(*PROMOTE, "--yes")
    assert (unread.code, "nobody can approve manifests" in unread.stderr) == (6, True)
    state.push({"gitops.toml": f"{STAGES}[stage.prod]\nprotected = true\n"})
    unnamed = state.gitops(*PROMOTE, "--yes")
    assert (unnamed.code, "--confirm" in unnamed.stderr) == (2, True)
    assert "'1'" in state.show(f"{PROD}/manifests/a.yaml")
    state.push({"gitops.toml": f'{STAGES}[stage.prod]\nsoak = "10000d"\n'})
    fresh = state.gitops(*PROMOTE, "--yes")
    assert (fresh.code, "its manifests changed" in fresh.stderr) == (6, True)
    over = state.gitops(*PROMOTE, "--yes", "--override-policy", "-m", "incident").ok()
    assert "the manifest a.yaml" in over.stdout
    assert "'2'" in state.show(f"{PROD}/manifests/a.yaml")


def test_a_service_that_is_locked_holds_its_workload(state: State) -> None:
    workload = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: %d}\n"
    )
    state.push({f"{DEV}/manifests/w.yaml": workload % 2})
    state.push({f"{PROD}/manifests/w.yaml": workload % 1})
    state.gitops("lock", "web", "-e", PROD, "-m", "audit").ok()

    refused = state.gitops(*PROMOTE, "--yes")

    assert (refused.code, "web in shop-prod is locked" in refused.stderr) == (6, True)


def test_a_commits_manifests_are_taken_back_with_its_versions(state: State) -> None:
    state.push({f"{DEV}/web.deployment": f"{B}\n", f"{DEV}/manifests/a.yaml": config("a", "2")})
    state.gitops(*PROMOTE, "--yes").ok()
    promotion = state.tip

    done = state.gitops("rollback", "--commit", promotion, "--yes").ok()

    assert state.show(f"{PROD}/web.deployment") == A
    assert state.show(f"{PROD}/manifests/a.yaml").strip() == config("a", "1", PROD).strip()
    assert "web" in done.stdout
    assert "~ shop-prod/manifests/a.yaml" in done.stdout
    back = state.gitops("rollback", "-e", PROD, "--commit", state.tip, "--yes", "-o", "json").ok()
    check(back.json())
    assert "'2'" in state.show(f"{PROD}/manifests/a.yaml")
    state.push({f"{PROD}/manifests/a.yaml": config("a", "3")})
    moved = state.gitops("rollback", "-e", PROD, "--commit", promotion, "--yes")
    assert moved.code == 6
    assert "a.yaml was changed again" in moved.stderr


def test_a_commit_of_manifests_alone_is_undone(state: State) -> None:
    link = state.push({f"{PROD}/manifests/b.yaml": config("b", "1")})

    done = state.gitops("rollback", "--commit", link, "--yes").ok()

    assert "shop-prod: roll back the manifest b.yaml" in done.stdout
    assert state.files(PROD) == ["a.yaml"]
    nothing = state.gitops("rollback", "-e", DEV, "--commit", link, "--yes")
    assert (nothing.code, "changed no manifest in shop-dev" in nothing.stderr) == (2, True)
    versions = state.gitops("rollback", "web", "-e", PROD, "--commit", link, "--yes")
    assert versions.code == 2, "of a named service only its versions go back"


def test_an_environment_goes_back_in_time_with_its_manifests(state: State) -> None:
    start = state.tip
    state.push({f"{PROD}/manifests/a.yaml": config("a", "2"), "base/x.yaml": config("x", "1")})
    state.push({f"{PROD}/manifests/b.yaml": config("b", "1"), f"{PROD}/web.deployment": f"{B}\n"})

    done = state.gitops("rollback", "-e", PROD, "--to", start, "--yes").ok()

    assert state.files(PROD) == ["a.yaml"]
    assert "'1'" in state.show(f"{PROD}/manifests/a.yaml")
    assert state.show(f"{PROD}/web.deployment") == A
    assert "and 2 manifests" not in done.stdout
    assert "roll back web bbbbbbb → aaaaaaa, 2 manifests" in done.stdout
    assert "'1'" in state.show("base/x.yaml")


def test_what_is_shared_stays_and_is_told(state: State) -> None:
    base = {
        "base/kustomization.yaml": "resources: [a.yaml]\n",
        "base/a.yaml": config("a", "1"),
        f"{PROD}/manifests/a.yaml": None,
        f"{PROD}/manifests/kustomization.yaml": "resources: [../../base]\n",
    }
    start = state.push(base)
    state.push({"base/a.yaml": config("a", "2"), f"{PROD}/web.deployment": f"{B}\n"})

    done = state.gitops("rollback", "-e", PROD, "--to", start, "--yes").ok()

    assert "base changed too, which others may share: it stays" in done.stderr
    assert "'2'" in state.show("base/a.yaml")
    assert state.show(f"{PROD}/web.deployment") == A


def test_links_and_modes_come_back_as_they_were(state: State) -> None:
    work = state.clone
    git(work, "pull", "-q")
    place = work / PROD / "manifests"
    (place / "b.yaml").symlink_to("a.yaml")
    (place / "c.yaml").write_text(config("c", "1"))
    (place / "c.yaml").chmod(0o755)
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", "odd")
    git(work, "push", "-q")
    start = state.tip
    state.push({f"{PROD}/manifests/b.yaml": None, f"{PROD}/manifests/c.yaml": None})

    state.gitops("rollback", "-e", PROD, "--to", start, "--yes").ok()

    listed = git(state.remote, "ls-tree", "main", f"{PROD}/manifests/")
    modes = {line.split("\t")[1].rpartition("/")[2]: line[:6] for line in listed.splitlines()}
    assert modes == {"a.yaml": "100644", "b.yaml": "120000", "c.yaml": "100755"}


def test_history_has_the_commits_that_changed_manifests(state: State) -> None:
    by_hand = state.push(
        {
            f"{DEV}/manifests/b.yaml": config("b", "1"),
            f"{DEV}/manifests/more/c.yaml": config("c", "1"),
            f"{DEV}/web.deployment": f"{B}\n",
        }
    )
    state.gitops(*PROMOTE, "--yes", "-m", "ship").ok()

    told = state.gitops("history", "-o", "json").ok().json()
    rows = state.gitops("history").ok().stdout

    changed = [one for one in told["entries"] if one["manifests"] is not None]
    assert [(c["environment"], c["action"], c["service"]) for c in changed[:2]] == [
        (PROD, "promote", None),
        (DEV, "manifests", None),
    ]
    assert changed[0]["reason"] == "ship"
    assert changed[1]["commit"] == by_hand
    names = [f"{DEV}/manifests/b.yaml", f"{DEV}/manifests/more/c.yaml"]
    assert changed[1]["manifests"] == names
    assert changed[0]["replaced_at"] is None
    assert [line for line in rows.splitlines() if " manifests " in line and "2 files" in line]
    only = state.gitops("history", "--action", "manifests", "-e", DEV, "-o", "json").ok().json()
    assert [one["commit"] for one in only["entries"]] == [by_hand, told["entries"][-1]["commit"]]
    of_service = state.gitops("history", "web", "-o", "json").ok().json()["entries"]
    assert all(one["manifests"] is None for one in of_service)


def test_history_has_what_environments_share_and_what_is_gone(state: State) -> None:
    base = {
        "base/kustomization.yaml": "resources: [a.yaml]\n",
        "base/a.yaml": config("a", "1"),
        f"{DEV}/manifests/a.yaml": None,
        f"{DEV}/manifests/kustomization.yaml": "resources: [../../base]\n",
        f"{PROD}/manifests/a.yaml": None,
    }
    gone = state.push(base)
    changed = state.push({"base/a.yaml": config("a", "2")})

    def commits(environment: str) -> list[str]:
        done = state.gitops("history", "-e", environment, "--action", "manifests", "-o", "json")
        return [one["commit"] for one in done.ok().json()["entries"]]

    assert commits(DEV)[:2] == [changed, gone]
    assert commits(PROD)[0] == gone


def test_status_shows_what_manifests_there_are_and_since_when(state: State) -> None:
    state.push({"docs/readme": "nothing", f"{DEV}/manifests/b.yaml": config("b", "1")})
    state.push({f"{DEV}/web.deployment": f"{B}\n", f"{PROD}/manifests/a.yaml": None})
    state.push({f"{PROD}/manifests/a.yaml": config("a", "1", DEV)})

    [project] = state.gitops("status", "-o", "json").ok().json()["projects"]
    shown = state.gitops("status").ok().stdout

    dev, prod = (one["manifests"] for one in project["environments"])
    assert (dev["path"], dev["files"], dev["same"], dev["live"]) == (
        f"{DEV}/manifests",
        2,
        None,
        None,
    )
    assert (prod["files"], prod["same"], prod["compared_to"]) == (1, False, DEV)
    assert prod["commit"] == state.tip
    [row] = [line for line in shown.splitlines() if line.startswith("(manifests)")]
    assert "2 files" in row
    assert "1 file ≠" in row
    of_service = state.gitops("status", "web", "-o", "json").ok().json()["projects"]
    assert [e["manifests"] for e in of_service[0]["environments"]] == [None, None]
    late = state.gitops("status", "--changed", "2090-01-01", "-o", "json")
    assert late.json()["projects"] == []


def test_status_without_manifests_has_no_such_row(state: State) -> None:
    state.push({f"{DEV}/manifests/a.yaml": None, f"{PROD}/manifests/a.yaml": None})

    shown = state.gitops("status").ok().stdout

    assert "manifests" not in shown


def test_several_projects_are_promoted_in_one_commit(state: State) -> None:
    other = {
        "pay-dev/images_path": "r.example.com/pay/\n",
        "pay-dev/api.deployment": f"{B}\n",
        "pay-prod/images_path": "r.example.com/pay/\n",
        "pay-prod/api.deployment": f"{A}\n",
    }
    state.push({**other, f"{DEV}/manifests/a.yaml": config("a", "2", DEV)})
    before = state.tip

    dry = state.gitops(*PROMOTE, "--dry-run", "-o", "markdown").ok()
    done = state.gitops(*PROMOTE, "--yes", "-o", "json").ok()

    assert "```diff\n@@ " in dry.stdout
    assert "pay-dev has no manifests: nothing to copy" in dry.stderr
    check(done.json())
    parts = {one["environment"]: one for one in done.json()["environments"]}
    assert parts["pay-prod"]["manifests"] is None
    assert len(parts[PROD]["manifests"]["files"]) == 1
    assert git(state.remote, "rev-list", "--count", f"{before}..main") == "1"
    assert "'2'" in state.show(f"{PROD}/manifests/a.yaml")
    assert state.show("pay-prod/api.deployment") == B
