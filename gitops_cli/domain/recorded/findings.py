"""What is wrong with a file of the state repository, and where."""

from __future__ import annotations

from enum import StrEnum

from gitops_cli.domain.values import NamedTuple


class Severity(StrEnum):
    """An error cannot be deployed; a warning can, but is not what was agreed."""

    ERROR = "error"
    WARNING = "warning"


class Finding(NamedTuple):
    """One defect: `path` from the repository's root, `line` from 1, `rule` a stable word."""

    path: str
    line: int
    rule: str
    message: str
    hint: str | None = None
    severity: Severity = Severity.ERROR

    @property
    def where(self) -> str:
        """Return `path:line`."""
        return f"{self.path}:{self.line}"
