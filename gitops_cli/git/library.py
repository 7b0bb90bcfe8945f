"""GitPython, held to the rules of `process`: for repositories that are made, and fetches that last.

Its guards against unsafe options and protocols stay on. Its import takes 100 ms, so the hot path
does without it (docs/decisions/0004-gitpython.md).
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import git as gitpython
from git import GitCommandError, Repo
from git.cmd import handle_process_output

from gitops_cli.domain.progress import HowFar, Watch
from gitops_cli.git.environment import without_credentials
from gitops_cli.git.failures import failure
from gitops_cli.git.process import Done, Git

__all__ = ["GitCommandError", "Repo", "explained", "repositories", "run_watched"]

_environment_of_the_process = threading.Lock()


def repositories(rule: Git) -> type[Repo]:
    """Return GitPython's Repo, whose every command has the environment and options of `rule`."""

    class Ruled(Repo):
        GitCommandWrapperType = _runner(rule)

    return Ruled


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn GitPython's error into ours."""
    try:
        yield
    except GitCommandError as error:
        status = error.status if isinstance(error.status, int) else 1
        said = re.sub(r"\A\s*stderr: '(.*)'\Z", r"\1", error.stderr, flags=re.DOTALL)
        raise failure(Done(status, b"", said), doing) from error


def run_watched(rule: Git, *words: str, timeout: float, watch: Watch) -> Done:
    """Run what transfers objects, and tell how far it is; a git that is stopped has a code < 0."""
    bare, environment = without_credentials(words, rule.environment)
    runner = _runner(rule._replace(environment=environment))(str(rule.directory))
    heard = _Heard(watch)
    watch(HowFar("waiting for the remote", 0))
    process = runner.execute(["git", *bare], as_process=True, universal_newlines=True)
    try:
        handle_process_output(
            process,
            None,
            heard.new_message_handler(),
            decode_streams=False,
            kill_after_timeout=timeout,
        )
        code = process.proc.wait() if process.proc is not None else process.status or 0
    finally:
        watch(None)
    return Done(code, b"", "\n".join([*heard.error_lines, *heard.other_lines]))


class _Heard(gitpython.RemoteProgress):
    """What git says of its progress, handed on."""

    _WORDS: Mapping[int, str] = {
        gitpython.RemoteProgress.COUNTING: "counting objects",
        gitpython.RemoteProgress.COMPRESSING: "the server packs objects",
        gitpython.RemoteProgress.RECEIVING: "receiving objects",
        gitpython.RemoteProgress.RESOLVING: "resolving deltas",
    }

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    def update(
        self,
        op_code: int,
        cur_count: str | float,
        max_count: str | float | None = None,
        message: str = "",
    ) -> None:
        """Hand on one line of git's."""
        doing = self._WORDS.get(op_code & self.OP_MASK, "fetching")
        self._watch(HowFar(doing, int(cur_count or 0), int(max_count) if max_count else None))

    def line_dropped(self, line: str) -> None:
        """Hand on what GitPython takes for no progress: before objects are counted a server looks
        for them, for seconds where there are many.
        """
        looked = re.search(r"Enumerating objects: +(\d+)", line)
        if looked is not None:
            self._watch(HowFar("looking for objects", int(looked[1])))


def _runner(rule: Git) -> type[gitpython.Git]:
    class Ruled(gitpython.Git):
        def execute(self, command: Any, *arguments: Any, **options: Any) -> Any:
            # What GitPython adds to the process's environment it cannot take out of it.
            program, *words = command
            ruled = [program, *rule.command()[1:], *words]
            with _only(rule.environment):
                return super().execute(ruled, *arguments, env=dict(rule.environment), **options)

    return Ruled


@contextmanager
def _only(environment: Mapping[str, str]) -> Iterator[None]:
    """Take out of our own environment what git must not inherit, while it is started."""
    with _environment_of_the_process:
        surplus = {k: v for k, v in os.environ.items() if k not in environment}
        for name in surplus:
            del os.environ[name]
        try:
            yield
        finally:
            os.environ.update(surplus)
