"""`--columns`: which columns of a result's tables are shown."""

from __future__ import annotations

from gitops_cli.cli.output import Format
from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.near import did_you_mean
from gitops_cli.domain.text import one_line
from gitops_cli.render.columns import titles, with_columns
from gitops_cli.render.view import View

_TABLES = (Format.TABLE, Format.WIDE, Format.MARKDOWN)


def chosen(view: View, wanted: str, form: Format) -> View:
    """Return a view with the wanted columns, `NAME,NAME`; raises UsageError for one that is none.

    A view without a table is as it is.
    """
    if form not in _TABLES:
        raise UsageError(
            "--columns is of tables", hint=f"-o {form} has all fields; --query chooses of those"
        )
    known = titles(view)
    names = [name.strip().lower() for name in wanted.split(",") if name.strip()]
    unknown = next((name for name in names if name not in known), None)
    if known and (unknown is not None or not names):
        raise UsageError(
            f"--columns: there is no column `{one_line(unknown or wanted)}`",
            hint=did_you_mean(unknown or "", known) or f"columns: {', '.join(known)}",
        )
    return with_columns(view, names)
