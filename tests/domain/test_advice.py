"""Each command for kubectl to the letter, with and without each of its options."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gitops_cli.domain.cluster.advice import (
    Where,
    commands,
    debugger,
    execution,
    logs,
    make_anew,
    make_namespace,
    typed,
)
from gitops_cli.domain.cluster.inside import LogPart, Spot
from gitops_cli.domain.cluster.troubles import Trouble
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Kind

SHOP = EnvironmentName("shop")
SPOT = Spot("web-1", "app", "why")
SINCE = datetime(2026, 11, 1, 2, 3, 4, 567, tzinfo=UTC)


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (Where(SHOP), ("-n", "shop")),
        (Where(SHOP, "c"), ("-n", "shop", "--context", "c")),
        (Where(SHOP, None, "f"), ("-n", "shop", "--kubeconfig", "f")),
        (Where(SHOP, "c", "f"), ("-n", "shop", "--context", "c", "--kubeconfig", "f")),
        (Where(SHOP, "", ""), ("-n", "shop")),
    ],
)
def test_a_namespace_as_options(where: Where, words: tuple[str, ...]) -> None:
    assert where.words == words


@pytest.mark.parametrize(
    ("spot", "part", "options"),
    [
        (SPOT, LogPart(), ""),
        (SPOT._replace(previous=True), LogPart(), " --previous"),
        (SPOT, LogPart(follow=True), " --follow"),
        (SPOT, LogPart(tail=0), " --tail=0"),
        (SPOT, LogPart(tail=5), " --tail=5"),
        (SPOT, LogPart(since=SINCE), " --since-time=2026-11-01T02:03:04+00:00"),
        (SPOT, LogPart(timestamps=True), " --timestamps"),
    ],
)
def test_the_command_of_a_log(spot: Spot, part: LogPart, options: str) -> None:
    assert logs(Where(SHOP, "c"), spot, part) == (
        f"kubectl logs web-1 -c app{options} -n shop --context c"
    )


@pytest.mark.parametrize(
    ("stdin", "tty", "options"),
    [
        (False, False, ()),
        (True, False, ("--stdin",)),
        (False, True, ("--tty",)),
        (True, True, ("--stdin", "--tty")),
    ],
)
def test_the_command_that_runs_another(stdin: bool, tty: bool, options: tuple[str, ...]) -> None:
    assert execution(Where(SHOP, "c"), SPOT, ("ls", "-l"), stdin=stdin, tty=tty) == (
        *("exec", "web-1", "-c", "app", *options),
        *("-n", "shop", "--context", "c", "--", "ls", "-l"),
    )


def test_the_command_of_a_shell_beside_a_container() -> None:
    assert debugger(Where(SHOP, "c"), SPOT) == (
        "kubectl debug -it web-1 --image=busybox --target=app -n shop --context c -- sh"
    )


def test_words_are_quoted_as_a_shell_reads_them() -> None:
    assert typed(("get", "a b", "$x")) == "kubectl get 'a b' '$x'"
    assert typed(()) == "kubectl"


def test_an_object_is_made_anew() -> None:
    assert make_anew("job/a", None, None) == "kubectl delete job/a"
    assert make_anew("job/a", "shop", None) == "kubectl delete job/a -n shop"
    assert make_anew("job/a", None, "c d") == "kubectl delete job/a --context 'c d'"
    assert make_anew("job/a", "shop", "c") == "kubectl delete job/a -n shop --context c"
    assert make_namespace(SHOP, "") == "kubectl create namespace shop"


RAN = Trouble("Error", pod="web-1", container="app", exit_code=0)


@pytest.mark.parametrize(
    ("trouble", "lines"),
    [
        (None, ["describe deployment/web @"]),
        (RAN._replace(pod=None), ["describe deployment/web @"]),
        (RAN._replace(pod=None, blocks=True), ["describe deployment/web @"]),
        (RAN._replace(container=None), ["describe pod web-1 @"]),
        (RAN._replace(exit_code=None), ["describe pod web-1 @"]),
        (
            RAN._replace(exit_code=None, blocks=True, restarts=2),
            ["describe pod web-1 @", "delete pod web-1 @"],
        ),
        (RAN, ["logs web-1 -c app @", "debug"]),
        (RAN._replace(restarts=1), ["logs web-1 -c app --previous @", "debug"]),
        (RAN._replace(blocks=True), ["logs web-1 -c app @", "debug", "delete pod web-1 @"]),
    ],
)
@pytest.mark.parametrize("context", [None, "", "c"])
def test_what_shows_why_something_fails(
    trouble: Trouble | None, lines: list[str], context: str | None
) -> None:
    where = "-n shop --context c" if context else "-n shop"
    shell = "debug -it web-1 @ --copy-to=web-1-debug -c app -- sh"
    expected = [shell if line == "debug" else line for line in lines]
    assert commands(SHOP, Kind.DEPLOYMENT, "web", trouble, context) == tuple(
        f"kubectl {line.replace('@', where)}" for line in expected
    )
