"""What became of steps."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from gitops_cli.domain.errors import Blocked, ExitCode, GitOpsError
from gitops_cli.domain.steps.declared import Tool


class Untrusted(Blocked):
    """What the repository declares as programs is not what was trusted on this machine."""

    code = "untrusted"


class StepFailed(GitOpsError):
    """A step's program ended with an error; `output` are its last lines."""

    exit_code = ExitCode.ROLLOUT_FAILED
    code = "step-failed"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.output: tuple[str, ...] = ()


class StepState(StrEnum):
    """How a step is."""

    UNCHANGED = "unchanged"
    CHANGES = "changes"
    APPLIED = "applied"
    FAILED = "failed"
    NOT_TRIED = "not-tried"


class StepReport(NamedTuple):
    """One step of an environment: what its program said last, and how long it took."""

    name: str
    tool: Tool
    directory: str
    state: StepState
    says: str = ""
    output: tuple[str, ...] = ()
    seconds: float = 0.0
    error: GitOpsError | None = None
    produced: tuple[str, ...] = ()

    @property
    def diff_code(self) -> ExitCode:
        """Return what it lets `diff` end with."""
        return ExitCode.NO if self.state is StepState.CHANGES else self.sync_code

    @property
    def sync_code(self) -> ExitCode:
        """Return what it lets `sync` end with."""
        return ExitCode.OK if self.error is None else self.error.exit_code

    @property
    def is_applied(self) -> bool:
        """Tell whether it changed something."""
        return self.state is StepState.APPLIED
