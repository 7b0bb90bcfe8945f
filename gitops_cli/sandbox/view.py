"""Show a sandbox: where it is, and how to use it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from gitops_cli.render.view import Line, Records, Style, View, verbatim

if TYPE_CHECKING:
    from gitops_cli.sandbox.lifecycle import RunningServer, Sandbox

_RECORDS = Records("", "directory repository remote context address", "{directory}")


def up_view(sandbox: Sandbox, running: RunningServer, *, option: str) -> View:
    """Return what is up; `option` is the `--dir` that further commands need, or empty."""
    place = sandbox.place
    told = "The sandbox is up." if running.fresh else "The sandbox was up already."
    rows = [
        ("state repository", str(place.state)),
        ("its remote", str(place.remote)),
        ("sources", str(place.sources)),
        ("cluster", f"{running.address}, context {sandbox.context}"),
    ]
    return View(
        "sandbox",
        {
            "changed": running.fresh,
            "directory": str(place.directory),
            "repository": str(place.state),
            "remote": str(place.remote),
            "sources": str(place.sources),
            "kubeconfig": str(place.kubeconfig),
            "context": sandbox.context,
            "address": running.address,
            "pid": running.pid,
            "environment": sandbox.environment,
        },
        (
            Line(told, Style.GOOD),
            Line(""),
            *(Line(f"  {title:<18}{text}") for title, text in rows),
            Line(""),
            Line("Next:"),
            *(verbatim(f"  {step}") for step in _steps(option)),
        ),
        records=_RECORDS,
    )


def _steps(option: str) -> Iterator[str]:
    yield f'eval "$(gitops sandbox env{option})"    # for this shell: GITOPS_REPO, KUBECONFIG'
    yield "gitops status"
    yield "gitops promote authentication --from dev --to prod"
    yield "gitops diff project1-production"
    yield "gitops sync project1-production --wait"
    yield f"gitops sandbox down{option}"


def down_view(sandbox: Sandbox, *, removed: bool, left: bool) -> View:
    """Return what is gone; `left`: files of somebody else are still in the directory."""
    directory = str(sandbox.place.directory)
    told = f"Removed {directory}." if removed else f"There is no sandbox in {directory}."
    blocks = [Line(told, Style.GOOD if removed else Style.PLAIN)]
    if left:
        blocks.append(Line("It holds other files, which were left alone.", Style.DIM))
    return View("sandbox", {"changed": removed, "directory": directory}, blocks, records=_RECORDS)


def environment_view(environment: Mapping[str, str], *, fish: bool) -> View:
    """Return the lines that a shell evaluates."""
    form = "set -gx {} {}" if fish else "export {}={}"
    lines = [form.format(name, shlex.quote(value)) for name, value in environment.items()]
    return View("sandbox", {"environment": dict(environment)}, [verbatim(line) for line in lines])
