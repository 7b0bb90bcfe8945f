"""A result for the CI system that runs the command: outputs by name, in each system's own form.

Whatever comes from the repository or a registry is a value here, and a value can neither end its
line nor begin another output or command.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gitops_cli.domain.text import inert, one_line
from gitops_cli.render.view import View

PREFIX = "GITOPS_RESULT_"
"""Of names in dotenv files: jobs that follow inherit them, and none may be a variable of ours."""
MOST_BYTES = 5 * 1024
"""Of GitLab's dotenv reports: https://docs.gitlab.com/ci/yaml/artifacts_reports/"""

_IN_SYNC = ("in-sync", "digest", "untracked")


def outputs_of(view: View) -> dict[str, str]:
    """Return what the next steps of a pipeline may want to know; empty for other results."""
    document = view.document
    match view.kind:
        case "recording" | "release" | "promotion" | "rollback" | "removal":
            found = _of_writer(document, [document])
        case "promotions":
            found = _of_writer(document, document["environments"])
        case "sync":
            found = {
                "commit": document["commit"],
                "changed": document["changed"],
                "exit_code": document["exit_code"],
                "failed": [
                    f"{environment['name']}/{service['service']}"
                    for environment in document["environments"]
                    for service in environment["services"]
                    if service["error"] or service["rollout"] in ("failed", "timed-out")
                ],
            }
        case "diff":
            found = {
                "commit": document["commit"],
                "in_sync": document["in_sync"],
                "differing": [
                    f"{environment['name']}/{row['service']}"
                    for environment in document["environments"]
                    for row in environment["rows"]
                    if row["state"] not in _IN_SYNC
                ],
            }
        case _:
            found = {}
    return {name: _text(value) for name, value in found.items()}


def _of_writer(
    document: Mapping[str, Any], environments: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return what a writer did; of several environments with all that they have."""
    versions: list[tuple[str, str | None]] = []
    for each in environments:
        versions += [(change["service"], change["to"]) for change in each["changes"]]
        versions += [(same["service"], same["version"]) for same in each["unchanged"]]
    different = {version for _, version in versions}
    found = {
        "environment": [each["environment"] for each in environments],
        "commit": document["commit"],
        "changed": document["changed"],
        "dry_run": document["dry_run"],
        "services": [service for service, _ in versions],
        "version": different.pop() if len(different) == 1 else None,
        "review_branch": document["branch"],
        "review_url": document["review_url"],
    }
    of_release = {name: document[name] for name in ("image", "digest") if name in document}
    return found | of_release


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return " ".join(dict.fromkeys(value))
    return "" if value is None else str(value)


def github_outputs(outputs: Mapping[str, str], delimiter: str) -> str:
    """Return lines for the file of GITHUB_OUTPUT; several in one value stand between delimiters.

    `delimiter` is random, so that no value knows it.
    """
    return "".join(
        f"{name}<<{delimiter}\n{value}\n{delimiter}\n"
        if re.search(r"[\r\n]", value)
        else f"{name}={value}\n"
        for name, value in outputs.items()
    )


def dotenv(outputs: Mapping[str, str]) -> str:
    """Return lines for a dotenv report; what would make it too large for GitLab is left out."""
    lines: list[str] = []
    for name, value in sorted(outputs.items(), key=lambda item: len(item[1])):
        line = f"{PREFIX}{name.upper()}={one_line(value)}\n"
        if sum(len(each.encode()) for each in (*lines, line)) <= MOST_BYTES:
            lines.append(line)
    return "".join(lines)


def azure_commands(outputs: Mapping[str, str]) -> Iterator[str]:
    """Yield logging commands of Azure Pipelines; steps read them as $(STEP.gitops_commit)."""
    for name, value in outputs.items():
        text = value.replace("%", "%AZP25").replace("\r", "%0D").replace("\n", "%0A")
        yield f"##vso[task.setvariable variable=gitops_{name};isOutput=true]{inert(text)}"


def azure_summary(path: str) -> str:
    """Return the logging command that shows a Markdown file on the run's page."""
    return f"##vso[task.uploadsummary]{one_line(path)}"


def teamcity_commands(outputs: Mapping[str, str]) -> Iterator[str]:
    """Yield service messages of TeamCity; steps read them as %gitops.commit%."""
    signs = {"|": "||", "'": "|'", "[": "|[", "]": "|]", "\n": "|n", "\r": "|r"}
    for name, value in outputs.items():
        text = re.sub(r"[|'\[\]\n\r]", lambda found: signs[found[0]], value)
        yield f"##teamcity[setParameter name='gitops.{name}' value='{text}']"
