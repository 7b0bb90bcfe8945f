"""Commands of a page for people, typed as they stand there on a terminal."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tests.cli.test_words import SCREENS
from tests.testbed.gitops import Gitops, Terminal

ROOT = Path(__file__).parents[2]
TYPED = re.compile(r"(gitops|kubectl|make|mkdir|pipx?|git|cd|echo|eval|for) ")
# Blocks of a shell or of nobody's language, examples that are indented, and spans of a sentence.
PARTS = re.compile(r"^```(\w*)\n(.*?)^```|^    (\S[^\n]*)$|`([^`\n]+)`", re.DOTALL | re.MULTILINE)
NAMES = re.compile(r"(kubectl|make|git)( [a-z-]+){1,2}")
SHELLS_OWN = re.compile(r"[][|&;<>(){}$`\\*?~#!\n]")
YES = (("(y/N)", "y"),)

KUBECTL = "kubectl's or jq's, on a real API server: tests/node/test_page_lines.py"
NOTHING: Mapping[str, Callable[[], object]] = MappingProxyType({})


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
    typed: bool = True
    """Whether each is met on a terminal; else only those that ask."""

    @property
    def text(self) -> str:
        """Return what stands on it."""
        return (ROOT / self.path).read_text(encoding="utf-8")

    def shown(self) -> list[str]:
        """Return its commands, of blocks and of its text, in their order.

        A sentence that says `gitops sync` names the command, unless there is a scene for it.
        """
        found: list[str] = []
        for language, block, indented, span in PARTS.findall(self.text):
            if language in ("", "sh"):
                found += _joined(block).splitlines()
            elif language == "console":
                found += re.findall(r"(?m)^\$ (.*)$", _joined(block))
            found += [indented, *([] if self._only_names(span) else [span])]
        commands = (re.sub(r"\s+#.*", "", line) for line in found if TYPED.match(line))
        return list(dict.fromkeys(commands))

    def _only_names(self, span: str) -> bool:
        known = span in self.scenes or span in self.elsewhere
        of_others = NAMES.fullmatch(span)
        return not known and bool(of_others or tuple(span.split()[1:]) in SCREENS)

    def check_reasons(self) -> None:
        """Fail if a scene or a reason is for no command, or names a test that is not there."""
        missing = (set(self.scenes) | set(self.elsewhere)) - set(self.shown())
        assert not missing, f"no longer in {self.path}: {missing}"
        for place in re.findall(r"tests/\S+\.py", " ".join(self.elsewhere.values())):
            assert (ROOT / place).is_file()

    def play(self, user: Gitops, meanwhile: Mapping[str, Callable[[], object]] = NOTHING) -> None:
        """Run every command; `user` stands in the directory that holds the scenes'.

        `meanwhile` is what others do just before some of them.
        """
        for command in self.shown():
            if command in self.elsewhere:
                continue
            meanwhile.get(command, tuple)()
            scene = self.scenes.get(command, Scene())
            directory = user.directory / scene.directory
            outside = scene.directory.startswith(("checkout", "sources/"))
            told = user.directory / "environments-state" if outside else None
            typed = user.at(directory).using(GITOPS_REPO=told)
            run = as_typed if self.typed or scene.answers else in_a_pipe
            run(typed, self._filled_in(command), scene)

    def _filled_in(self, command: str) -> str:
        """Put values in the place of words like ENV."""
        for word, here in self.placeholders.items():
            command = command.replace(word, here)
        return command


def _joined(block: str) -> str:
    """Return a block with each command on one line."""
    return re.sub(r"(?:\\|(?<=\|))\n\s*", " ", block)


def in_a_pipe(user: Gitops, command: str, scene: Scene) -> None:
    """Run a command as a script does; our own alone in a fork, all else by a shell."""
    words = shlex.split(command)
    if words[0] == "gitops" and not SHELLS_OWN.search(command):
        done = user(*words[1:], timeout=60)
        code, text = done.code, done.stdout + done.stderr
    else:
        ran = subprocess.run(
            ["sh", "-c", command],
            cwd=user.directory,
            env=user.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        code, text = ran.returncode, ran.stdout + ran.stderr
    assert code == scene.code, f"{command}\nexit {code}\n{text}"
    assert scene.shows in text, f"{command}\n{text}"


def as_typed(user: Gitops, command: str, scene: Scene) -> None:
    """Type a command on a terminal, and the answers to its questions."""
    with _terminal(user, command) as terminal:
        for question, answer in scene.answers:
            terminal.wait_for(question)
            terminal.type(answer)
            terminal.press("enter")
        code = terminal.finish(timeout=60)
        assert code == scene.code, f"{command}\nexit {code}\n{terminal.text}"
        assert scene.shows in terminal.text, f"{command}\n{terminal.text}"


def _terminal(user: Gitops, command: str) -> Terminal:
    """Start a command in a shell, or at once where a shell would do no more than part its words."""
    program, *arguments = shlex.split(command)
    if program == "gitops" and not SHELLS_OWN.search(command):
        return user.terminal(*arguments, rows=60, columns=160)
    variables = {"TERM": "xterm-256color", **user.environment}
    return Terminal(["sh", "-c", command], user.directory, variables, rows=60, columns=160)
