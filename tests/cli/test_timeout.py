"""`--timeout` of diff, sync and wait: servers that accept and never answer hold nobody longer."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cli.hosted import VARIABLE, user_config
from tests.cli.live import NEW, OLD, Live, image
from tests.cli.synced import services
from tests.cli.test_every_command import parameters
from tests.cli.test_words import LEAVES
from tests.forge.fakes import TOKEN
from tests.testbed.article import Article
from tests.testbed.faults import ApiProxy, Hang
from tests.testbed.git import git
from tests.testbed.gitops import Gitops, Ran
from tests.testbed.patience import HANGING

SECONDS = 2.0
ENOUGH = 8.0
"""For what has to be done before something hangs."""
_MORE = HANGING - SECONDS


@pytest.fixture
def silent() -> Iterator[int]:
    """Return the port of a server that accepts connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield server.getsockname()[1]


def in_time(gitops: Gitops, *arguments: str, seconds: float = SECONDS, stdin: str = "") -> Ran:
    """Run a command with a time-out; it must have ended soon after that."""
    began = time.monotonic()
    done = gitops(*arguments, "--timeout", f"{seconds:.0f}s", stdin=stdin)
    assert time.monotonic() - began < seconds + _MORE, str(done)
    return done


def leading_to(port: int, config: Path) -> Path:
    """Write a kubeconfig of a server on that port."""
    cluster = {"server": f"http://127.0.0.1:{port}"}
    content = {
        "current-context": "silent",
        "contexts": [{"name": "silent", "context": {"cluster": "silent", "user": "me"}}],
        "clusters": [{"name": "silent", "cluster": cluster}],
        "users": [{"name": "me", "user": {"token": "t"}}],
    }
    config.write_text(yaml.safe_dump(content))
    config.chmod(0o600)
    return config


@pytest.mark.parametrize(
    "command", [["diff"], ["sync"], ["sync", "--wait"], ["sync", "--dry-run"], ["wait"]]
)
def test_a_cluster_that_never_answers(
    clone: Gitops, tmp_path: Path, silent: int, command: list[str]
) -> None:
    there = clone.using(KUBECONFIG=leading_to(silent, tmp_path / "config"))

    done = in_time(there, *command, "project1-staging")

    assert done.code == 8, str(done)


def test_the_variable_says_it_too(clone: Gitops, tmp_path: Path, silent: int) -> None:
    there = clone.using(KUBECONFIG=leading_to(silent, tmp_path / "config"), GITOPS_TIMEOUT="1s")
    began = time.monotonic()

    done = there("diff", "project1-staging")

    assert time.monotonic() - began < 1 + _MORE
    assert done.code == 8
    assert "--timeout allows more time" in done.stderr


@pytest.mark.parametrize("command", ["diff", "sync", "wait"])
def test_a_remote_that_never_answers(live: Live, silent: int, command: str) -> None:
    live.record({"web.deployment": OLD})
    git(live.clone, "remote", "set-url", "origin", f"http://127.0.0.1:{silent}/state.git")

    done = in_time(live.gitops, command, live.namespace)

    assert done.code == 8, str(done)
    assert "--timeout allows more time" in done.stderr


def test_rights_that_nobody_reviews_change_nothing(behind: Live, api_proxy: ApiProxy) -> None:
    behind.record({"db.statefulset": NEW})
    behind.run("StatefulSet", "db", OLD)
    api_proxy.on(Hang(), "POST", "selfsubjectaccessreviews", times=100)

    through = behind.gitops.using(KUBECONFIG=api_proxy.kubeconfig)
    done = in_time(through, "sync", behind.namespace, seconds=ENOUGH)

    assert done.code == 8
    assert "nothing was changed" in done.stderr
    assert not api_proxy.seen("PATCH")


def test_what_was_done_and_what_was_not_is_reported(behind: Live, api_proxy: ApiProxy) -> None:
    names = [f"s{index:02}" for index in range(40)]
    behind.record({f"{name}.deployment": NEW for name in names})
    for name in names:
        behind.run("Deployment", name, OLD, replicas=0)
    api_proxy.on(Hang(), "PATCH", skip=5, times=100)
    through = behind.gitops.using(KUBECONFIG=api_proxy.kubeconfig)

    done = in_time(through, "sync", behind.namespace, "-o", "json", seconds=ENOUGH)

    assert done.code == 8
    actions = {name: found["action"] for name, found in services(done.json()).items()}
    assert set(actions) == {"web", *names}
    patched = [name for name, action in actions.items() if action == "patched"]
    assert len(patched) == 5
    assert {name for name in actions if behind.image_of(name) == image(name, NEW)} == set(patched)
    assert list(actions.values()).count("error") == 16, "as many as are sent at once"
    assert list(actions.values()).count("not-tried") == 20
    assert "whether the server got it is not known" in done.stderr


def test_without_a_timeout_a_slow_answer_is_waited_for(behind: Live, api_proxy: ApiProxy) -> None:
    api_proxy.on(Hang(3), "GET", "deployments")
    behind.gitops.using(KUBECONFIG=api_proxy.kubeconfig)("sync", behind.namespace).ok()
    assert behind.image_of("web") == image("web", NEW)


UNLIMITED = {
    *("demo", "sandbox up", "sandbox down", "sandbox env", "init", "help", "version"),
    *("config edit", "config get", "config list", "config set", "config unset"),  # this machine's
    "agent run",  # a pod's command: its CronJob or controller says how long
}


@LEAVES
def test_what_waits_for_somebody_else_takes_a_time(path: tuple[str, ...]) -> None:
    options = {name for each in parameters(path) for name in each.opts}
    assert ("--timeout" in options) == (" ".join(path) not in UNLIMITED)


@pytest.mark.parametrize("command", ["status", "history", "env list"])
def test_reading_goes_on_without_a_remote_that_never_answers(
    clone: Gitops, silent: int, command: str
) -> None:
    git(clone.directory, "remote", "set-url", "origin", f"http://127.0.0.1:{silent}/state.git")

    done = in_time(clone, *command.split())

    assert done.code == 0, str(done)
    assert "project1" in done.stdout
    assert f"not done within {SECONDS:.0f} s; showing the last known" in done.stderr


@pytest.mark.parametrize("command", [["list"], ["merge", "1", "--yes"], ["comment", "1"]])
def test_a_forge_that_never_answers(
    clone: Gitops, company: Article, silent: int, command: list[str]
) -> None:
    url = f"http://127.0.0.1:{silent}/team/state.git"
    git(clone.directory, "remote", "set-url", "origin", url)
    git(clone.directory, "config", f"url.file://{company.remote}.insteadOf", url)
    user_config(clone, f"127.0.0.1:{silent}", "gitea")

    done = in_time(clone.using(**{VARIABLE: TOKEN}), "pr", *command, stdin="text")

    assert done.code == 8, str(done)
    assert "--timeout allows more time" in done.stderr


@pytest.mark.parametrize(
    "command",
    [["exec", "billing"], ["agent", "uninstall"], ["agent", "key", "--agent-repo", "git@h:x.git"]],
)
def test_who_looks_into_a_cluster_that_never_answers(
    clone: Gitops, tmp_path: Path, silent: int, command: list[str]
) -> None:
    there = clone.using(KUBECONFIG=leading_to(silent, tmp_path / "config"))

    done = in_time(there, *command, "-e", "project1-staging", "-i" if "exec" in command else "-v")

    assert done.code == 8, str(done)


def test_nothing_can_be_read_of_a_url_that_never_answers(gitops: Gitops, silent: int) -> None:
    done = in_time(gitops, "status", "-R", f"http://127.0.0.1:{silent}/state.git")
    assert done.code == 8, str(done)
    assert "--timeout allows more time" in done.stderr


def test_doctor_tells_of_a_remote_that_never_answers(clone: Gitops, silent: int) -> None:
    git(clone.directory, "remote", "set-url", "origin", f"http://127.0.0.1:{silent}/state.git")
    done = in_time(clone, "doctor", "--no-cluster", "--no-registry")
    assert done.code == 1, str(done)
    assert f"not done within {SECONDS:.0f} s" in done.stdout


def test_a_source_that_never_answers_costs_no_more_than_the_time(
    clone: Gitops, silent: int
) -> None:
    source = f"https://127.0.0.1:{silent}/billing.git"
    settings = clone.directory / "gitops.toml"
    settings.write_text(f'[service.billing]\nsource = "{source}"\n')
    git(clone.directory, "add", settings.name)
    git(clone.directory, "commit", "-qm", "Say where the source is")
    git(clone.directory, "push", "-q")

    done = in_time(clone, "status", "billing")

    assert done.code == 0, str(done)
    assert "what lies between versions is not known: cannot fetch" in done.stderr
