"""What a command may load, seen in a fresh interpreter: most of a git command is its start.

kubernetes takes 300 ms, questionary 170, GitPython 110, pydantic 110, Rich's help 80, yaml 20.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from gitops_cli.cli.app import COMMANDS
from tests.testbed.article import Article
from tests.testbed.gitops import Gitops

HEAVY = frozenset(
    {"kubernetes", "git", "questionary", "prompt_toolkit", "pydantic", "yaml", "kmock", "aiohttp"}
)
# Adapters of what a git-only command does not touch.
OTHERS = frozenset(
    f"gitops_cli.{package}"
    for package in ("cluster", "registry", "builder", "forge", "sandbox", "agent")
)
PROBE = """if True:
    import sys
    from gitops_cli.__main__ import main
    sys.argv = ["gitops", *sys.argv[1:]]
    try:
        main()
    finally:
        print("loaded:", *sys.modules, file=sys.stderr)
"""


def loaded(gitops: Gitops, *arguments: str) -> set[str]:
    """Return the modules that are loaded when the command has ended."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        cwd=gitops.directory,
        env=gitops.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    said, _, modules = done.stderr.rpartition("loaded: ")
    assert done.returncode in (0, 1), said
    assert "Traceback" not in said, said
    return set(modules.split())


def heavy(modules: set[str]) -> set[str]:
    return modules & (HEAVY | OTHERS)


def test_help_of_everything(gitops: Gitops) -> None:
    modules = loaded(gitops, "--help")
    assert not heavy(modules)
    assert "gitops_cli.state" not in modules
    assert "gitops_cli.domain.repository" not in modules, "the table of commands is enough"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_of_a_command(gitops: Gitops, name: str) -> None:
    modules = loaded(gitops, name, "--help")
    assert not modules & HEAVY
    assert "concurrent.futures" not in modules or name == "agent"
    assert not modules & OTHERS or name in ("agent", "init"), "init writes the agent's script"


@pytest.mark.parametrize(
    "arguments",
    [
        ("version",),
        ("help", "exit-codes"),
        ("status",),
        ("status", "-o", "json"),
        ("status", "-o", "markdown"),
        ("history", "-n5"),
        ("validate",),
        ("env", "list"),
        ("config", "list"),
        ("status", "--offline"),
    ],
    ids=" ".join,
)
def test_commands_that_read_git(
    gitops: Gitops, article: Article, arguments: tuple[str, ...]
) -> None:
    modules = loaded(gitops.at(article.clone()), *arguments)
    assert not heavy(modules)
    assert "concurrent.futures" not in modules, "10 ms with logging; only where sources are asked"
    assert "rich.markdown" not in modules


def test_a_write_that_changes_nothing_loads_no_cluster(gitops: Gitops, article: Article) -> None:
    environment = article.environment("development")
    version = article.recorded(environment)["billing"]
    here = gitops.at(article.clone())
    modules = loaded(here, "set", f"billing={version}", "-e", environment)
    assert not modules & (HEAVY - {"git"} | OTHERS)


def test_completion(gitops: Gitops, article: Article) -> None:
    here = gitops.at(article.clone()).using(
        _GITOPS_COMPLETE="complete_bash", COMP_WORDS="gitops status bil", COMP_CWORD="2"
    )
    assert here().stdout.strip() == "billing"
    modules = loaded(here)
    assert not heavy(modules)
    assert "typer.rich_utils" not in modules, "explanations would load it"
    assert "gitops_cli.state.transaction" not in modules


def test_yaml_is_loaded_for_yaml(gitops: Gitops, article: Article) -> None:
    assert "yaml" in loaded(gitops.at(article.clone()), "status", "-o", "yaml")
