"""Findings for people, machines, and the annotations of GitHub and GitLab."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from gitops_cli.domain.recorded.findings import Finding, Severity
from gitops_cli.domain.recorded.validation import Validation
from gitops_cli.domain.text import one_line, plural
from gitops_cli.render.document import as_json
from gitops_cli.render.safe import for_workflow_message, for_workflow_property
from gitops_cli.render.view import Line, Records, Style, View


def view(validation: Validation) -> View:
    """Return one line per finding, as compilers write them, and a last line that counts."""
    lines = [*(_line(finding) for finding in validation.findings), _summary(validation)]
    records = Records("findings", "path line severity rule message hint", "{path}:{line}")
    return View("validation", document(validation), lines, records=records)


def document(validation: Validation) -> dict[str, Any]:
    """Return the fields of the JSON document."""
    return {
        "subject": validation.subject.value,
        "commit": validation.commit,
        "environments": validation.environments,
        "services": validation.services,
        "errors": validation.count(Severity.ERROR),
        "warnings": validation.count(Severity.WARNING),
        "findings": [
            {
                "path": finding.path,
                "line": finding.line,
                "rule": finding.rule,
                "severity": finding.severity.value,
                "message": finding.message,
                "hint": finding.hint,
            }
            for finding in validation.findings
        ],
    }


def _line(finding: Finding) -> Line:
    hint = f"; {one_line(finding.hint)}" if finding.hint else ""
    where = f"{one_line(finding.path)}:{finding.line}"
    text = f"{where}: {finding.severity}: {one_line(finding.message)}{hint} [{finding.rule}]"
    style = Style.BAD if finding.severity is Severity.ERROR else Style.WARN
    return Line(text, style)


def _summary(validation: Validation) -> Line:
    if not validation.findings:
        services = plural(validation.services, "service file")
        return Line(
            f"{plural(validation.environments, 'environment')}, {services}: no findings", Style.GOOD
        )
    counts = (
        plural(validation.count(Severity.ERROR), "error"),
        plural(validation.count(Severity.WARNING), "warning"),
    )
    return Line(", ".join(counts), Style.STRONG)


def github_commands(findings: Sequence[Finding]) -> Iterator[str]:
    """Return GitHub's workflow commands, one line each.

    Whatever comes from the repository is escaped, so that it can neither end a command nor
    begin another.
    """
    for finding in findings:
        text = finding.message + (f"; {finding.hint}" if finding.hint else "")
        file, title = map(for_workflow_property, (finding.path, finding.rule))
        properties = f"file={file},line={finding.line},title={title}"
        yield f"::{finding.severity} {properties}::{for_workflow_message(one_line(text))}"


def gitlab_report(findings: Sequence[Finding]) -> str:
    """Return GitLab's Code Quality report, for `artifacts: reports: codequality`."""
    return as_json(
        [
            {
                "description": one_line(finding.message),
                "check_name": finding.rule,
                "fingerprint": _fingerprint(finding),
                "severity": "major" if finding.severity is Severity.ERROR else "minor",
                "location": {"path": finding.path, "lines": {"begin": finding.line}},
            }
            for finding in findings
        ]
    )


def _fingerprint(finding: Finding) -> str:
    identity = f"{finding.path}\0{finding.rule}\0{finding.message}"
    return hashlib.sha256(identity.encode(errors="surrogateescape")).hexdigest()
