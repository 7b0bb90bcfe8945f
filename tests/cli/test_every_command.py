"""Each command there is, by one table: called rightly, and with each word of that mistyped.

A new command is in it by its row in test_calls.py. Its help, examples and mistyped options are in
test_words.py, by the same list.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from gitops_cli.domain.errors import ExitCode
from tests.cli.company import DEV, PROD, STAGING
from tests.cli.test_calls import call_of
from tests.cli.test_cluster_away import KUBECONFIG
from tests.cli.test_words import LEAVES, SCREENS
from tests.testbed import schemas
from tests.testbed.article import Article
from tests.testbed.gitops import Gitops

pytestmark = pytest.mark.sweep

SLIPS = {
    "billing": "biling",
    DEV: "project1-developmnt",
    STAGING: "project1-stging",
    PROD: "project1-producton",
}
STAGES = {DEV: "dev", STAGING: "staging", PROD: "prod"}
# What is looked for in the repository, by what help calls it; all else is new, or no name.
FROM_THE_REPOSITORY = re.compile(r"\b(ENV|SERVICE|COMMIT|FROM)\b(?!=)")
NAMES_SOMETHING_NEW = {("env", "add"), ("init",), ("capture",)}
ASKS_FIRST = {
    ("agent", "uninstall"),  # the cluster: an environment may be left there only
    ("agent", "run"),  # for a repository, by URL: it is a pod's command
    ("release",),  # the checkout: it says which service it is
}
ASKS_FOR_NO_REPOSITORY = {
    *("demo", "sandbox", "config", "doctor", "help", "init", "version"),
    "trust",  # its list is this machine's
}
NO_DOCUMENT = {("exec",)}
MORE = {("agent", "key"): ("--agent-repo", "ssh://git@git.example.com/state")}


def parameters(path: tuple[str, ...]) -> list[Any]:
    command = SCREENS[path]
    context = command.make_context("gitops", [], resilient_parsing=True)
    return list(command.get_params(context))


def error_of(gitops: Gitops, path: tuple[str, ...], *words: str) -> str:
    """Return what is said of a call that is refused for what was typed, as a document says it."""
    asked = () if path in NO_DOCUMENT else ("-o", "json")
    at = words.index("--") if "--" in words else len(words)
    done = gitops(*path, *words[:at], *asked, *words[at:])
    assert done.code == ExitCode.USAGE, str(done)
    assert done.stdout == ""
    if path in NO_DOCUMENT:
        return done.stderr
    document = json.loads(done.stderr[done.stderr.index("{") :])
    schemas.check(document)
    assert document["exit_code"] == done.code
    return str(document["hint"])


@LEAVES
def test_a_name_that_nobody_has_is_answered_with_the_one_like_it(
    clone: Gitops, path: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    gitops = clone.using(KUBECONFIG=tmp_path / "kubeconfig")
    words = [*call_of(" ".join(path)).arguments, *MORE.get(path, ())]
    slips = range(0 if path in ASKS_FIRST | NAMES_SOMETHING_NEW else len(words))
    for at in slips:
        name, equals, rest = words[at].partition("=")
        if name in SLIPS:
            slip = [*words[:at], f"{SLIPS[name]}{equals}{rest}", *words[at + 1 :]]
            assert name in error_of(gitops, path, *slip)
    named = [STAGES.get(word, word) for word in words]
    if (
        path not in ASKS_FIRST
        and named != words
        and any("--project" in p.opts for p in parameters(path))
    ):
        assert "project1" in error_of(gitops, path, "-p", "projct1", *named)


@LEAVES
def test_what_hinders_it_is_told_as_a_document(gitops: Gitops, path: tuple[str, ...]) -> None:
    """Where there is no state repository."""
    if path[0] not in ASKS_FOR_NO_REPOSITORY:
        error_of(gitops, path, *call_of(" ".join(path)).arguments, *MORE.get(path, ()))


@LEAVES
def test_what_takes_a_name_completes_it(
    path: tuple[str, ...], company: Article, clone: Gitops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clone.directory)
    for name, value in clone.environment.items():
        monkeypatch.setenv(name, value)
    names = {"billing", *company.environments, "project1", "development"}
    command = SCREENS[path]
    for parameter in parameters(path):
        wanted = FROM_THE_REPOSITORY.search(parameter.metavar or "")
        if parameter.name == "project" or (wanted and path not in NAMES_SOMETHING_NEW):
            context = command.make_context("gitops", [], resilient_parsing=True)
            monkeypatch.setenv("COMP_WORDS", f"gitops {' '.join(path)} ")
            found = {item.value for item in parameter.shell_complete(context, "")}
            assert found & names, f"{parameter.name} {parameter.metavar}"
