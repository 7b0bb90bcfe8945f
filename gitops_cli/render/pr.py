"""Pull and merge requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gitops_cli.domain.change.request import Request, RequestDeed, RequestState
from gitops_cli.domain.text import one_line
from gitops_cli.render.view import Cell, Column, Flow, Line, Records, Style, Table, View

_FIELDS = "number state draft title branch base head author url"
_LISTED = Records("requests", _FIELDS, "{number}")
_ONE = Records("", f"{_FIELDS} did", "{number}")
_COLUMNS = (
    Column("request", right=True),
    Column("title", flow=Flow.WRAP),
    Column("by"),
    Column("branch", wide=True),
    Column("page"),
)
_STYLES = {
    RequestState.OPEN: Style.INFO,
    RequestState.MERGED: Style.GOOD,
    RequestState.CLOSED: Style.WARN,
}


def requests_view(requests: Sequence[Request]) -> View:
    """Return a row per open request."""
    document = {"requests": [_document(request) for request in requests]}
    if not requests:
        nothing = Line("no request is open", Style.DIM)
        return View("requests", document, (nothing,), records=_LISTED)
    rows: list[list[Cell | str]] = [
        [
            str(request.number),
            f"{'draft: ' if request.draft else ''}{one_line(request.title)}",
            request.author or "",
            request.branch,
            Cell(request.url, link=request.url),
        ]
        for request in requests
    ]
    return View("requests", document, (Table(_COLUMNS, rows),), records=_LISTED)


def request_view(request: Request, noun: str, did: str | None = None) -> View:
    """Return how a request stands; `did` is what was done to it: merged, closed."""
    draft = "draft, " if request.draft and request.state is RequestState.OPEN else ""
    what = did or f"{draft}{request.state}"
    style = _STYLES[request.state]
    line = f"{noun} {request.number} {what}: {one_line(request.title)}"
    lines = (Line(line, style), Line(request.url, link=request.url))
    return View("request", {**_document(request), "did": did}, lines, records=_ONE)


def comment_view(number: int, name: str, deed: RequestDeed, noun: str) -> View:
    """Return what became of a comment."""
    did = "written" if deed is RequestDeed.OPENED else deed.value
    document = {"request": number, "name": name, "did": did}
    words = "is up to date" if deed is RequestDeed.UNCHANGED else did
    line = Line(f"comment {name} of {noun} {number} {words}", Style.GOOD)
    return View("comment", document, (line,), records=Records("", "request name did", "{request}"))


def _document(request: Request) -> dict[str, Any]:
    return {
        "number": request.number,
        "state": request.state.value,
        "draft": request.draft,
        "title": request.title,
        "branch": request.branch,
        "base": request.base,
        "head": request.head or None,
        "author": request.author,
        "url": request.url,
    }
