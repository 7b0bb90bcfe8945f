"""Every command that README.md shows works, typed as it stands there on a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.testbed.git import git
from tests.testbed.gitops import Gitops, Terminal

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TYPED = re.compile(r"(gitops|kubectl|make|mkdir|pipx) ")
PLACEHOLDERS = {"ENV": "project1-staging"}


@dataclass(frozen=True, slots=True)
class Scene:
    """How a command is met: in which directory, what it asks, how it ends, what it shows."""

    directory: str = "environments-state"
    answers: tuple[tuple[str, str], ...] = ()
    code: int = 0
    shows: str = ""


YES = (("(y/N)", "y"),)
# What is more than run in a clone of the state repository to a good end.
SCENES: Mapping[str, Scene] = {
    "gitops promote authentication --from dev --to prod": Scene(answers=YES, shows="→"),
    "gitops diff project1-production": Scene(code=1, shows="differs"),
    "gitops sync": Scene(answers=YES, shows="patched"),
    "gitops init": Scene(
        "empty", answers=(("Projects", "project1"), ("Where", "registry.example.com/"))
    ),
    "gitops set -e dev": Scene("checkout", shows="project1-development: authentication"),
    "gitops set -e dev --new": Scene("checkout", shows="authentication"),
    "gitops status": Scene(shows="authentication"),
    "gitops promote authentication --to prod": Scene(answers=YES),
    "gitops sync project1-production --wait": Scene(shows="ready"),
    'gitops rollback authentication -e prod --hold -m "errors at login"': Scene(answers=YES),
    "gitops history authentication -e prod": Scene(shows="errors at login"),
}
# What is not run here: the test that does, or the reason.
ELSEWHERE: Mapping[str, str] = {
    "make demo": "tests/cli/test_demo.py",
    "make test": "runs this",
    "gitops demo --context kind-kind": "tests/cli/test_demo.py",
    "gitops --install-completion": "writes to the shell's own files; tests/cli/test_completion.py",
    "pipx install gitops-cli": "asks the package index",
    "pipx install 'gitops-cli[sandbox]'": "asks the package index",
    "pipx install .": "asks the package index for what it depends on",
    "kubectl gitops …": "is no whole command",
}


def shown() -> list[str]:
    """Return the README's commands, of blocks and of its text, in their order."""
    parts = re.findall(r"^```\n(.*?)^```|`([^`\n]+)`", README, re.DOTALL | re.MULTILINE)
    lines = [line for block, span in parts for line in (block or span).splitlines()]
    commands = (re.sub(r"\s+#.*", "", line) for line in lines if TYPED.match(line))
    return list(dict.fromkeys(commands))


@pytest.fixture
def user(gitops: Gitops, tmp_path: Path) -> Iterator[Gitops]:
    """Return the command of a newcomer with a sandbox, in whose directory a service is checked out.

    The sandbox has two projects; theirs is the first.
    """
    ground = tmp_path / "ground"
    gitops("sandbox", "up", "--dir", ground).ok()
    git(ground, "clone", "-q", ground / "sources" / "authentication", "checkout")
    git(ground / "checkout", "commit", "-q", "--allow-empty", "-m", "Newer")
    git(
        ground / "checkout", "remote", "set-url", "origin", "https://example.com/authentication.git"
    )
    (ground / "empty").mkdir()
    yield gitops.at(ground).using(KUBECONFIG=ground / "kubeconfig", GITOPS_PROJECT="project1")
    gitops("sandbox", "down", "--dir", ground).ok()


def test_every_command_is_run_here_or_elsewhere_for_a_reason() -> None:
    assert set(SCENES) | set(ELSEWHERE) <= set(shown()), "no longer in the README"
    for place in re.findall(r"tests/\S+\.py", " ".join(ELSEWHERE.values())):
        assert (ROOT / place).is_file()


def test_the_commands_work(user: Gitops) -> None:
    commands = [command for command in shown() if command not in ELSEWHERE]
    assert len(commands) >= 10
    for command in commands:
        scene = SCENES.get(command, Scene())
        directory = user.directory / scene.directory
        told = user.directory / "environments-state" if scene.directory == "checkout" else None
        as_typed(user.at(directory).using(GITOPS_REPO=told), filled_in(command), scene)


def filled_in(command: str) -> str:
    """Put values in the place of words like ENV."""
    return re.sub("[A-Z]{3,}", lambda word: PLACEHOLDERS[word[0]], command)


def as_typed(user: Gitops, command: str, scene: Scene) -> None:
    """Type a command into a shell on a terminal, and the answers to its questions."""
    variables = {"TERM": "xterm-256color", **user.environment}
    shell = ["sh", "-c", command]
    with Terminal(shell, user.directory, variables, rows=60, columns=160) as terminal:
        for question, answer in scene.answers:
            terminal.wait_for(question)
            terminal.type(answer)
            terminal.press("enter")
        code = terminal.finish(timeout=60)
        assert code == scene.code, f"{command}\nexit {code}\n{terminal.text}"
        assert scene.shows in terminal.text, f"{command}\n{terminal.text}"


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", README))
def test_what_it_links_to_is_there(link: str) -> None:
    assert (ROOT / link).exists()
