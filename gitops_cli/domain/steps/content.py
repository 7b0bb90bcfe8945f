"""What is trusted: the declarations of programs and the files that they may read, as one digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.stages import place_of
from gitops_cli.domain.steps.declared import Check, Program, Step, Tool
from gitops_cli.domain.steps.fields import check_for, step_for


class TrackedFile(NamedTuple):
    """A file of a commit; a link is the file that it leads to."""

    data: bytes
    executable: bool

    @property
    def digest(self) -> str:
        """Return what tells it from others, its mode included."""
        return hashlib.sha256(self.data).hexdigest() + ("+x" if self.executable else "")


Content = Mapping[str, TrackedFile]
"""Path from the repository's root → file."""


class Declared(NamedTuple):
    """A program of a stage as it is for an environment: a step, or a check's command."""

    stage: str
    what: Step | Check

    @property
    def program(self) -> Program:
        program = self.what.program
        assert program is not None  # of checks, those with a command
        return program

    @property
    def kind(self) -> str:
        return "step" if isinstance(self.what, Step) else "check"

    @property
    def line(self) -> int:
        """Return the line of gitops.toml where it begins."""
        return self.what.line

    @property
    def heading(self) -> str:
        """Return its table in gitops.toml."""
        return f"[stage.{self.stage}.{self.kind}.{self.what.name}]"

    @property
    def commands(self) -> tuple[tuple[str, ...], ...]:
        """Return what is run, as far as one can tell before."""
        what = self.what
        if isinstance(what, Check):
            return (what.command,)
        if what.tool is Tool.COMMAND:
            return (what.plan, what.apply)
        if what.tool is Tool.ANSIBLE:
            ran = ("ansible-playbook", what.playbook or "")
            return ((*ran, "--check", "--diff"), ran)
        return ((what.tool.value, "init"), (what.tool.value, "plan"), (what.tool.value, "apply"))

    @property
    def paths(self) -> tuple[str, ...]:
        """Return the files and directories that it may read."""
        found = [self.program.directory, *self.program.files]
        if isinstance(self.what, Step):
            found += [self.what.inventory or "", *self.what.variables]
        return tuple(dict.fromkeys(path for path in found if path))

    def as_declared(self) -> dict[str, Any]:
        """Return all that is declared of it, but for its line."""
        fields = self.what._asdict()
        del fields["line"]
        fields["program"] = self.program._asdict()
        return {"kind": self.kind, "stage": self.stage, **fields}


def declared_programs(snapshot: Snapshot) -> tuple[Declared, ...]:
    """Return all programs of a repository, each once, in their order."""
    found: list[Declared] = []
    for name in sorted(snapshot.environments):
        place = place_of(name, snapshot.team)
        rules = snapshot.team.stage(place.stage)
        found += [Declared(place.stage, step_for(step, place)) for step in rules.steps]
        checks = [check_for(check, place) for check in rules.checks if check.command]
        found += [Declared(place.stage, check) for check in checks]
    return tuple(dict.fromkeys(found))


def declared_steps(snapshot: Snapshot, name: EnvironmentName) -> tuple[Declared, ...]:
    """Return the steps of one environment, in their order."""
    place = place_of(name, snapshot.team)
    steps = snapshot.team.stage(place.stage).steps
    return tuple(Declared(place.stage, step_for(step, place)) for step in steps)


def paths_of(programs: Iterable[Declared]) -> tuple[str, ...]:
    """Return the files and directories that programs may read."""
    return tuple(dict.fromkeys(path for one in programs for path in one.paths))


def digest_of(programs: Sequence[Declared], content: Content) -> str:
    """Return what changes with every word of the declarations and every bit of the files.

    The order of a stage's steps is that in which they run, so it counts, too.
    """
    said = [
        json.dumps(one.as_declared(), sort_keys=True)
        for one in sorted(programs, key=lambda one: (one.kind, one.stage))
    ]
    files = [[path, content[path].digest] for path in sorted(content)]
    whole = json.dumps({"programs": said, "files": files}, sort_keys=True)
    return hashlib.sha256(whole.encode()).hexdigest()


class Trusted(NamedTuple):
    """What somebody trusted on this machine: `files` are paths and digests, `at` is when."""

    repository: str
    digest: str
    commit: str
    at: str
    files: Mapping[str, str]
    programs: tuple[str, ...]


class Difference(StrEnum):
    """How a file lies to what was trusted before."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    GONE = "gone"


def differences(content: Content, before: Mapping[str, str]) -> Iterator[tuple[str, Difference]]:
    """Yield how each file lies to those that were trusted, by path."""
    for path in sorted({*content, *before}):
        if path not in content:
            yield path, Difference.GONE
        elif path not in before:
            yield path, Difference.NEW
        else:
            same = content[path].digest == before[path]
            yield path, Difference.SAME if same else Difference.CHANGED
