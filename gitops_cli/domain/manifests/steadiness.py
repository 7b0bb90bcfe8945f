"""Objects that a chart makes otherwise each time: passwords that it makes up, the time of day."""

from __future__ import annotations

from collections.abc import Iterator

from gitops_cli.domain.manifests.changes import ObjectChange
from gitops_cli.domain.manifests.rendered import Rendered
from gitops_cli.domain.recorded.findings import Finding, Severity
from gitops_cli.domain.text import one_line

_MOST = 5  # fields that are named
_HINT = "every sync changes it: let no value be made up, as by randAlphaNum, genCA or now; say it"


def unsteady(first: Rendered, second: Rendered) -> Iterator[Finding]:
    """Find what is another object in a second rendering of the same files; no values are told."""
    again = {one.id: one.content for one in second.objects}
    for one in first.objects:
        if one.id in again and one.content != again[one.id]:
            changes = ObjectChange(one.content, again[one.id]).operations()
            fields = [change["path"].removeprefix("/").replace("/", ".") for change in changes]
            message = f"{one.id} is rendered otherwise each time: {', '.join(fields[:_MOST])}"
            yield Finding(
                one.path, one.line, "unsteady", one_line(message), _HINT, Severity.WARNING
            )
