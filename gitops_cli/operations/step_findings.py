"""Find steps and checks of gitops.toml that name files which are not there, or lead elsewhere."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from gitops_cli.domain.errors import InvalidState
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.files import SETTINGS
from gitops_cli.domain.recorded.findings import Finding
from gitops_cli.domain.steps.content import Declared, declared_programs
from gitops_cli.domain.steps.declared import Step
from gitops_cli.domain.text import one_line
from gitops_cli.state.repository import StateRepository

if TYPE_CHECKING:
    from collections.abc import Callable

_MISSING = "commit it, or name what is there"


def step_findings(state: StateRepository, snapshot: Snapshot, *, staged: bool) -> Iterator[Finding]:
    """Yield what keeps programs from being run at all, at the line where each begins."""
    look = partial(_trouble, state, snapshot, staged)
    # Of environments of one stage the same is said once.
    yield from dict.fromkeys(
        Finding(SETTINGS, one.line, "step-files", f"{one.heading}: {message}", _MISSING)
        for one in declared_programs(snapshot)
        for message in _messages(one, look)
    )


def _messages(one: Declared, look: Callable[[str], str | None]) -> Iterator[str]:
    troubles = {path: why for path in one.paths if (why := look(path)) is not None}
    yield from troubles.values()
    for path in _programs(one):
        if path.startswith(".."):
            yield f"the program `{one_line(path)}` is outside of the repository"
            continue
        above = [given for given in one.paths if f"{path}/".startswith(f"{given}/")]
        if not above:
            yield f"the program `{one_line(path)}` is not among the files that it reads"
        elif not troubles.keys() & set(above) and (why := look(path)) is not None:
            yield why


def _programs(one: Declared) -> Iterator[str]:
    """Yield the paths of what it runs of the repository."""
    what = one.what
    if isinstance(what, Step) and what.playbook is not None:
        yield what.playbook
    commands = (what.plan, what.apply) if isinstance(what, Step) else (what.command,)
    for program in (words[0] for words in commands if words):
        if "/" in program and not program.startswith("/"):
            yield posixpath.normpath(f"{one.program.directory}/{program}")


def _trouble(state: StateRepository, snapshot: Snapshot, staged: bool, path: str) -> str | None:
    """Return why nothing can be read of a path; None: it can be."""
    try:
        if state.files_below(snapshot.commit, path, staged=staged):
            return None
        if _is_file(state, snapshot, staged, path):
            return None
    except InvalidState as error:
        return error.message
    return f"`{one_line(path)}` is not there"


def _is_file(state: StateRepository, snapshot: Snapshot, staged: bool, path: str) -> bool:
    above = posixpath.dirname(path)
    if above:
        return path in state.files_below(snapshot.commit, above, staged=staged)
    if snapshot.commit is not None:
        return state.file(snapshot.commit, path) is not None
    # At the top all of the repository stands beside it; one file is looked for where it is.
    return state.worktree is not None and (state.worktree / path).is_file()
