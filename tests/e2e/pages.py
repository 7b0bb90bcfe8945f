"""Commands of a page for people, typed as they stand there on a terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.testbed.gitops import Gitops, Terminal

ROOT = Path(__file__).parents[2]
TYPED = re.compile(r"(gitops|kubectl|make|mkdir|pipx|git) ")
YES = (("(y/N)", "y"),)


@dataclass(frozen=True, slots=True)
class Scene:
    """How a command is met: in which directory, what it asks, how it ends, what it shows."""

    directory: str = "environments-state"
    answers: tuple[tuple[str, str], ...] = ()
    code: int = 0
    shows: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A page, how its commands are met, and why some are not typed here."""

    path: str
    scenes: Mapping[str, Scene]
    elsewhere: Mapping[str, str]
    placeholders: Mapping[str, str]

    @property
    def text(self) -> str:
        """Return what stands on it."""
        return (ROOT / self.path).read_text(encoding="utf-8")

    def shown(self) -> list[str]:
        """Return its commands, of blocks and of its text, in their order."""
        parts = re.findall(r"^```\n(.*?)^```|`([^`\n]+)`", self.text, re.DOTALL | re.MULTILINE)
        lines = [line for block, span in parts for line in (block or span).splitlines()]
        commands = (re.sub(r"\s+#.*", "", line) for line in lines if TYPED.match(line))
        return list(dict.fromkeys(commands))

    def check_reasons(self) -> None:
        """Fail if a scene or a reason is for no command, or names a test that is not there."""
        missing = (set(self.scenes) | set(self.elsewhere)) - set(self.shown())
        assert not missing, f"no longer in {self.path}: {missing}"
        for place in re.findall(r"tests/\S+\.py", " ".join(self.elsewhere.values())):
            assert (ROOT / place).is_file()

    def play(self, user: Gitops) -> None:
        """Type every command; `user` stands in the directory that holds the scenes'."""
        for command in self.shown():
            if command in self.elsewhere:
                continue
            scene = self.scenes.get(command, Scene())
            directory = user.directory / scene.directory
            outside = scene.directory == "checkout"
            told = user.directory / "environments-state" if outside else None
            typed = user.at(directory).using(GITOPS_REPO=told)
            as_typed(typed, self._filled_in(command), scene)

    def _filled_in(self, command: str) -> str:
        """Put values in the place of words like ENV."""
        return re.sub("[A-Z]{3,}", lambda word: self.placeholders[word[0]], command)


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
