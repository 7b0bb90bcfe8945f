"""What a CI system is told of a result: its summary page, and outputs for the steps that follow.

To report is a courtesy: what cannot be written is a note, and the command ends as it would have.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.errors import UsageError
from gitops_cli.render.ci import (
    azure_commands,
    azure_summary,
    dotenv,
    github_outputs,
    outputs_of,
    teamcity_commands,
)
from gitops_cli.render.markdown import markdown
from gitops_cli.render.view import View

if TYPE_CHECKING:
    from gitops_cli.cli.output import Output

_MOST_OF_A_SUMMARY = 1_000_000  # bytes; GitHub shows nothing of a step's larger than 1 MiB


class Reported(NamedTuple):
    """What there is to report: outputs by name, and a text in Markdown."""

    kind: str
    outputs: Mapping[str, str]
    text: str


Report = Callable[[Reported, str], Iterable[str]]


def _github_output(report: Reported, path: str) -> Iterable[str]:
    import secrets  # only where there is something to report

    _append(path, github_outputs(report.outputs, f"gitops_{secrets.token_hex(16)}"))
    return ()


def _github_summary(report: Reported, path: str) -> Iterable[str]:
    text = f"{report.text}\n\n".encode()
    file = Path(path)
    size = file.stat().st_size if file.exists() else 0
    if size + len(text) > _MOST_OF_A_SUMMARY:
        text = f"gitops: a {report.kind} that is too long for this page\n\n".encode()
    _append(path, text.decode())
    return ()


def _azure(report: Reported, directory: str) -> Iterable[str]:
    import secrets

    path = Path(directory, f"gitops-{report.kind}-{secrets.token_hex(4)}.md")
    _append(str(path), f"{report.text}\n")
    return (*azure_commands(report.outputs), azure_summary(str(path)))


def _teamcity(report: Reported, _: str) -> Iterable[str]:
    return teamcity_commands(report.outputs)


def _dotenv(report: Reported, path: str) -> Iterable[str]:
    _append(path, dotenv(report.outputs))
    return ()


# By the variable that says that, and where, the system wants it; Gitea and Forgejo have GitHub's.
SYSTEMS: Mapping[str, Report] = {
    "GITHUB_OUTPUT": _github_output,
    "GITHUB_STEP_SUMMARY": _github_summary,
    "AGENT_TEMPDIRECTORY": _azure,
    "TEAMCITY_VERSION": _teamcity,
}


def check_report_file(file: Path) -> None:
    """Raise UsageError for a file that nothing can be appended to, before anything is done."""
    place = file if file.exists() else file.parent
    if file.is_dir():
        why = os.strerror(errno.EISDIR)
    elif not place.exists():
        why = os.strerror(errno.ENOENT)
    elif not os.access(place, os.W_OK):
        why = os.strerror(errno.EACCES)
    else:
        return
    raise UsageError(f"--report-file: {file}: {why}", hint="name a file that can be written")


def publish(output: Output, view: View, report_file: Path | None) -> None:
    """Tell the CI systems that these variables name, and write the report file if there is one."""
    said = {name: os.environ.get(name) for name in SYSTEMS}
    wanted = [(name, SYSTEMS[name], where) for name, where in said.items() if where]
    if report_file is not None:
        wanted.append(("--report-file", _dotenv, str(report_file)))
    if not wanted:
        return
    told = Reported(view.kind, outputs_of(view), markdown(view))
    for name, report, where in wanted:
        try:
            output.print_commands(report(told, where))
        except OSError as error:
            output.note(f"{name}: {where}: {error.strerror}")


def _append(path: str, text: str) -> None:
    with Path(path).open("a", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        file.write(text)
