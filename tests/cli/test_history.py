"""`gitops history`: from, to, who, when, why and how long, whoever wrote the commits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.testbed.article import Article
from tests.testbed.git import Commit, add_commits, git, init_bare
from tests.testbed.gitops import Gitops
from tests.testbed.patience import PATIENCE

FIRST = 1_790_000_000
A, B, C, D = ("a" * 40, "b" * 40, "c" * 40, "d" * 40)
PATH = "shop-dev/web.deployment"


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    made = init_bare(tmp_path / "state.git")
    add_commits(
        made,
        [
            Commit("Begin", {"shop-dev/images_path": "r/\n", PATH: f"{A}\n"}, FIRST),
            Commit("Ship b", {PATH: f"{B}\n"}, FIRST + 3600, "Bea Example"),
        ],
    )
    return made


@pytest.fixture
def state(gitops: Gitops, remote: Path, tmp_path: Path) -> Gitops:
    git(tmp_path, "clone", "-q", remote, "clone")
    return gitops.at(tmp_path / "clone")


def entries(state: Gitops, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = state("history", *arguments, "-o", "json").ok().json()["entries"]
    return [e if e["replaced_at"] else e | {"lived_seconds": None} for e in found]


def moves(state: Gitops, *arguments: str) -> list[tuple[str | None, str | None]]:
    return [(e["from"], e["to"]) for e in entries(state, *arguments)]


def test_from_to_who_when_why_and_how_long(state: Gitops, remote: Path) -> None:
    newest, oldest = entries(state, "web")
    assert (oldest["from"], oldest["to"], oldest["action"]) == (None, A, "add")
    assert (newest["from"], newest["to"], newest["action"]) == (A, B, "update")
    assert newest["by"] == {"name": "Bea Example", "email": "bea@example.com"}
    assert newest["reason"] == newest["subject"] == "Ship b"
    assert oldest["lived_seconds"] == 3600
    assert oldest["replaced_at"] == newest["at"]
    assert newest["replaced_at"] is None
    newest_line, oldest_line = state("history", "web").ok().stdout.splitlines()[1:]
    assert re.search(r"  \d+d\+  Bea Example ", newest_line), "still recorded"
    assert re.search(r"  1h00m  Ada Lovelace ", oldest_line)
    assert newest["commit"] == git(remote, "rev-parse", "main")


def test_our_own_commits_say_what_they_did_and_why(state: Gitops) -> None:
    state("set", f"web={C}", "-e", "shop-dev", "-m", "hotfix for #7").ok()
    newest = entries(state, "web")[0]
    assert (newest["to"], newest["action"], newest["reason"]) == (C, "set", "hotfix for #7")
    assert newest["by"]["name"] == "Ada Lovelace"


def test_a_change_without_a_reason_does_not_repeat_itself(state: Gitops) -> None:
    state("set", f"web={C}", "-e", "shop-dev").ok()
    assert entries(state, "web")[0]["reason"] == ""
    assert state("history", "web").ok().stdout.splitlines()[1].endswith("  -")


def test_the_body_says_why_where_nobody_gave_a_reason(state: Gitops, remote: Path) -> None:
    add_commits(remote, [Commit("Ship c\n\nIt is faster.", {PATH: f"{C}\n"}, FIRST + 7200)])
    assert entries(state)[0]["reason"] == "It is faster."


def test_a_merge_counts_once_and_names_who_wrote_it(state: Gitops, remote: Path) -> None:
    git(remote, "branch", "change")
    [made] = add_commits(
        remote,
        [Commit("On a branch", {PATH: f"{C}\n"}, FIRST + 5000, "Cleo Example")],
        branch="change",
    )
    main = git(remote, "rev-parse", "main")
    env = {
        "GIT_COMMITTER_DATE": f"{FIRST + 9000} +0000",
        "GIT_AUTHOR_DATE": f"{FIRST + 9000} +0000",
    }
    merge = git(
        remote, "commit-tree", f"{made}^{{tree}}", "-p", main, "-p", made, "-m", "Merge", env=env
    )
    git(remote, "update-ref", "refs/heads/main", merge)
    found = entries(state, "web")
    assert [(e["from"], e["to"]) for e in found] == [(B, C), (A, B), (None, A)]
    assert (found[0]["commit"], found[0]["origin"]) == (merge, made)
    assert found[0]["by"]["name"] == "Cleo Example"
    assert found[1]["lived_seconds"] == 9000 - 3600, "until it came onto the branch"


def test_a_renamed_environment_keeps_its_history(state: Gitops, remote: Path) -> None:
    files = {
        "shop-dev/images_path": None,
        PATH: None,
        "store-dev/images_path": "r/\n",
        "store-dev/web.deployment": f"{B}\n",
    }
    add_commits(remote, [Commit("Rename the shop", files, FIRST + 7200)])
    renamed, *before = entries(state, "web")
    assert (renamed["action"], renamed["renamed_from"]) == ("rename", PATH)
    assert (renamed["environment"], renamed["lived_seconds"]) == ("store-dev", None)
    assert [(e["from"], e["to"]) for e in before] == [(A, B), (None, A)]
    assert before[0]["replaced_at"] is None, "the version is recorded still"
    shown = state("history", "web").ok().stdout.splitlines()[1]
    assert shown.split()[2:6] == ["store-dev", "web", "shop-dev", "renamed"]
    assert [e["commit"] for e in entries(state, "--action", "rename")] == [renamed["commit"]]


def test_a_service_that_is_gone(state: Gitops, remote: Path) -> None:
    other = {"shop-dev/api.deployment": f"{D}\n"}
    add_commits(remote, [Commit("Drop web", {PATH: None, **other}, FIRST + 7200)])
    found = entries(state, "web", "-e", "dev")
    assert (found[0]["from"], found[0]["to"], found[0]["action"]) == (B, None, "remove")
    assert found[0]["lived_seconds"] is None
    assert found[1]["lived_seconds"] == 3600
    assert "removed" in state("history", "web").ok().stdout


def test_what_was_removed_is_part_of_an_environments_history(state: Gitops, remote: Path) -> None:
    api, qa = "shop-dev/api.statefulset", "shop-qa/web.deployment"
    add_commits(
        remote,
        [
            Commit("More", {api: f"{D}\n", qa: f"{C}\n"}, FIRST + 7200),
            Commit("Drop api", {api: None}, FIRST + 7300),
            Commit("Drop qa", {qa: None}, FIRST + 7400),
        ],
    )
    kept = [("web", A, B), ("web", None, A)]

    def told(*arguments: str) -> list[tuple[str, str | None, str | None]]:
        return [(e["service"], e["from"], e["to"]) for e in entries(state, *arguments)]

    assert told("-e", "shop-dev") == [("api", D, None), ("api", None, D), *kept]
    assert told()[:2] == [("web", C, None), ("api", D, None)]
    assert told("api") == [("api", D, None), ("api", None, D)]
    assert told("-e", "shop-qa") == [("web", C, None), ("web", None, C)]
    assert told("-n", "1", "-e", "shop-dev") == [("api", D, None)], "from what is remembered"
    add_commits(remote, [Commit("Again", {api: f"{D}\n"}, FIRST + 7500)])
    assert told("-e", "shop-dev")[:2] == [("api", None, D), ("api", D, None)]


def test_what_got_another_name_was_not_removed(state: Gitops, remote: Path) -> None:
    add_commits(
        remote,
        [
            Commit("Rename", {PATH: None, "shop-dev/site.deployment": f"{B}\n"}, FIRST + 7200),
            Commit(
                "Kind",
                {"shop-dev/site.deployment": None, "shop-dev/site.daemonset": f"{B}\n"},
                FIRST + 7300,
            ),
        ],
    )
    kind, name, *before = entries(state)
    assert [e["renamed_from"] for e in (kind, name)] == ["shop-dev/site.deployment", PATH]
    assert [(e["from"], e["to"]) for e in before] == [(A, B), (None, A)]
    shown = state("history").ok().stdout.splitlines()
    assert [line.split()[3:5] for line in shown[1:3]] == [
        ["site", "site.deployment"],
        ["site", "web"],
    ]


def test_a_broken_value_is_history_too(state: Gitops, remote: Path) -> None:
    broken = "<<<<<<< HEAD\n\x1b[31m\n"
    add_commits(
        remote,
        [
            Commit("Break", {PATH: broken}, FIRST + 5000),
            Commit("Mend", {PATH: f"{B}\n"}, FIRST + 5600),
        ],
    )
    assert [to for _, to in moves(state, "web")] == [B, "<<<<<<< HEAD \\x1b[31m", B, A]
    assert "\x1b" not in state("history").ok().stdout


def test_white_space_is_no_change(state: Gitops, remote: Path) -> None:
    add_commits(remote, [Commit("Format", {PATH: f"{B}\r\n\n"}, FIRST + 5000)])
    assert moves(state, "web") == [(A, B), (None, A)]
    assert moves(state, "web", "-n", "1") == [(A, B)], "nor counted as one"


def test_a_message_cannot_act(state: Gitops, remote: Path) -> None:
    message = "::error::pwned\n\n##[error]x\x1b]0;title\x07\n| a | b |"
    add_commits(remote, [Commit(message, {PATH: f"{C}\n"}, FIRST + 5000, "::stop-commands::x")])
    for form in ("table", "wide", "markdown", "json", "yaml"):
        out = state("history", "-o", form, "-n1").ok().stdout
        assert "\x1b" not in out
        assert "\x07" not in out
        assert "##[" not in out, form
        assert not any(line.lstrip().startswith("::") for line in out.splitlines()), form
    assert entries(state)[0]["reason"].startswith("##[error]x\x1b"), "JSON has it unchanged"


def test_many_files_are_merged_by_time(gitops: Gitops, article: Article) -> None:
    state = gitops.at(article.clone())
    found = entries(state, "-n", "0")
    times = [e["at"] for e in found]
    assert times == sorted(times, reverse=True)
    assert len(found) == 24 + 8 * (3 + 2 + 1)
    assert entries(state, "-n", "7") == found[:7]
    assert entries(state, "-n", "9" * 30) == found
    assert len(entries(state)) == 20
    some = [e for e in found if e["service"] == "orders" and "production" in e["environment"]]
    assert entries(state, "orders", "-e", "prod") == some
    assert len(entries(state, "-p", f"{article.prefix}project2", "-n0")) == len(found) / 2


def test_since_and_until(state: Gitops, remote: Path) -> None:
    add_commits(remote, [Commit("Ship c", {PATH: f"{C}\n"}, FIRST + 7200)])
    begin, middle = "2026-09-21T14:13:20Z", "2026-09-21T15:13:20Z"
    assert moves(state, "--until", begin) == [(None, A)]
    [first] = entries(state, "--until", begin)
    assert first["lived_seconds"] == 3600, "what ended it came after"
    assert moves(state, "--since", middle) == [(B, C), (A, B)]
    assert moves(state, "web", "--since", middle, "--until", middle) == [(A, B)]
    assert moves(state, "--since", "1s") == []
    assert moves(state, "web", "--since", "1s") == [], "web is known, it only has not changed"


def test_in_a_services_checkout_only_that_service(gitops: Gitops, article: Article) -> None:
    inside = gitops.at(article.checkout("billing"))
    found = entries(inside.using(GITOPS_REPO=article.remote), "-n0")
    assert {e["service"] for e in found} == {"billing"}


def test_an_environment_may_stand_among_the_services(state: Gitops) -> None:
    assert state("history", "dev").ok().stdout == state("history", "-e", "dev").ok().stdout


def test_an_unreachable_remote(state: Gitops, remote: Path) -> None:
    remote.rename(remote.with_suffix(".gone"))
    ran = state("history", "web").ok()
    assert "showing the last known" in ran.stderr
    assert ran.stdout.count("\n") == 3


def test_a_reader_that_leaves_early_is_no_failure(state: Gitops) -> None:
    with state.start("history") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "no change of nothing"),
        (["--since", "someday"], "neither a time"),
        (["-n", "-1"], "-1"),
        (["-e", "qa"], "no environment or stage"),
    ],
)
def test_bad_arguments(state: Gitops, arguments: list[str], message: str) -> None:
    ran = state("history", *arguments)
    assert (ran.code, ran.stdout) == (2, "")
    assert message in ran.stderr


@pytest.mark.parametrize("step", [0, -300], ids=["same second", "slow clock"])
@pytest.mark.parametrize("services", ["abc", "abcdef"], ids=["few files", "many files"])
def test_the_branch_orders_the_changes_and_no_clock_does(
    state: Gitops, remote: Path, step: int, services: str
) -> None:
    for number, service in enumerate(services):
        files: dict[str, str | None] = {f"shop-dev/{service}.deployment": f"{C}\n"}
        add_commits(remote, [Commit("More", files, FIRST + 9000 + number * step)])
    gone: dict[str, str | None] = {"shop-dev/b.deployment": None}
    add_commits(remote, [Commit("Without", gone, FIRST + 9000 + len(services) * step)])

    found = entries(state, "-e", "shop-dev")
    told = [(e["service"], e["to"]) for e in found]

    added = [(service, C) for service in reversed(services)]
    assert told == [("b", None), *added, ("web", B), ("web", A)]
    assert all(e["lived_seconds"] >= 0 for e in found if e["lived_seconds"] is not None)
    assert [e["service"] for e in entries(state, "-n", "2")] == ["b", services[-1]]


def told(state: Gitops, *arguments: str) -> list[tuple[str | None, str, str]]:
    return [(e["service"], e["action"], e["reason"]) for e in entries(state, *arguments)]


def test_locks_and_unlocks_are_history_too(state: Gitops) -> None:
    state("lock", "web", "-e", "shop-dev", "-m", "audit").ok()
    state("lock", "-e", "shop-dev", "--until", "2h", "-m", "night").ok()
    state("unlock", "web", "-e", "shop-dev").ok()
    locked = [(None, "lock", "night"), ("web", "lock", "audit")]

    assert told(state)[:3] == [("web", "unlock", ""), *locked]
    assert told(state, "web")[:3] == told(state)[:3], "what held all of it held this one"
    newest, whole, first = entries(state, "-n", "3")
    assert (newest["from"], newest["to"], newest["lived_seconds"]) == (None, None, None)
    assert whole["lock"]["path"] == "shop-dev/.lock"
    assert whole["lock"]["until"]
    assert first["replaced_at"] == newest["at"], "how long it was there"
    rows = state("history").ok().stdout.splitlines()[1:4]
    assert [row.split("  -  ")[1].split()[0] for row in rows] == ["unlocked", "locked", "locked"]
    assert "all of it" in rows[1]


def test_only_some_kinds_and_of_some_people(state: Gitops, remote: Path) -> None:
    state("lock", "web", "-e", "shop-dev", "-m", "audit").ok()
    state("set", f"web={C}", "-e", "shop-dev", "--override-lock", "-m", "security fix").ok()

    assert told(state, "--action", "lock") == [("web", "lock", "audit")]
    over = entries(state, "--action", "override")
    assert [(e["action"], e["overrides"], e["to"]) for e in over] == [("set", ["lock"], C)]
    assert "set over lock" in state("history", "-n1").ok().stdout
    assert moves(state, "--by", "BEA") == [(A, B)]
    assert moves(state, "--by", "bea@example", "-n", "1") == [(A, B)], "counted after it"
    assert moves(state, "web", "--by", "nobody") == []
    ran = state("history", "--action", "promte")
    assert (ran.code, "did you mean `promote`" in ran.stderr) == (2, True)


def test_days_are_said_as_people_say_them(state: Gitops, remote: Path) -> None:
    state("set", f"web={C}", "-e", "shop-dev").ok()

    assert moves(state, "--since", "yesterday") == [(B, C)]
    assert moves(state, "--until", "yesterday") == [(A, B), (None, A)]


def test_a_locked_environment_under_a_new_name_was_not_unlocked(
    state: Gitops, remote: Path
) -> None:
    state("lock", "-e", "shop-dev", "-m", "audit").ok()
    work = state.directory
    git(work, "pull", "-q")
    git(work, "mv", "shop-dev", "store-dev")
    git(work, "commit", "-qm", "Rename the shop")
    git(work, "push", "-q")

    assert [e["action"] for e in entries(state)] == ["rename", "lock", "update", "add"]


def test_a_lock_of_all_makes_no_service_known(state: Gitops) -> None:
    state("lock", "-e", "shop-dev", "-m", "audit").ok()

    assert state("history", "nothing").code == 2


def test_what_is_longer_than_the_terminal_goes_through_gits_pager(state: Gitops) -> None:
    paged = state.using(GIT_PAGER="sed 's/^/paged: /'")
    with paged.terminal("history", rows=3, columns=160) as screen:
        screen.wait_for("paged: 2026-")
    for arguments, rows in ((["history"], 40), (["history", "--no-pager"], 3)):
        with paged.terminal(*arguments, rows=rows, columns=160) as screen:
            screen.wait_for("Begin")
            assert "paged" not in screen.text
    assert "paged" not in paged("history").ok().stdout


def test_the_pager_is_the_one_that_git_was_told(state: Gitops) -> None:
    paged = state.using(PAGER="sed 's/^/PAGER: /'")
    with paged.terminal("history", rows=3, columns=160) as screen:
        screen.wait_for("PAGER: 2026-")
    with (state.home / ".gitconfig").open("a") as config:
        config.write("[core]\n\tpager = \"sed 's/^/core.pager: /'\"\n")
    with paged.terminal("history", rows=3, columns=160) as screen:
        screen.wait_for("core.pager: 2026-")


def test_a_pager_that_is_not_there_costs_nothing(state: Gitops) -> None:
    with state.using(GIT_PAGER="no-such-pager").terminal("history", rows=3) as screen:
        screen.wait_for("Begin")
    with state.using(GIT_PAGER="true").terminal("history", rows=3) as screen:
        assert screen.finish() == 0, "a reader that leaves at once"


def test_ctrl_c_is_the_pagers(state: Gitops, tmp_path: Path) -> None:
    pager = tmp_path / "pager"
    pager.write_text(
        "cat >/dev/null; trap 'echo stayed' INT; echo ready\n"
        "until read line </dev/tty; do :; done; echo left\n"
    )
    with state.using(GIT_PAGER=f"sh {pager}").terminal("history", rows=3) as screen:
        screen.wait_for("ready")
        screen.press("ctrl-c")
        screen.wait_for("stayed")
        screen.press("enter")
        screen.wait_for("left")
        assert screen.finish() == 0
