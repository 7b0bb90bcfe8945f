"""A View as one page of HTML that needs nothing else: no server, no network, no other file.

Whoever writes a commit or names a service writes on this page. Jinja2 escapes all of it, and the
policy in the page's head lets nothing run or load but the style and the script that are ours.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from gitops_cli import __version__
from gitops_cli.domain.text import visible
from gitops_cli.render.safe import is_address
from gitops_cli.render.view import Cell, Column, Flow, Line, Style, View, cell

_CLASSES = {
    Style.GOOD: "good",
    Style.WARN: "warn",
    Style.BAD: "bad",
    Style.INFO: "info",
    Style.DIM: "dim",
    Style.STRONG: "strong",
}
_SET_OFF = "  "  # as in Markdown


def view_page(view: View, title: str) -> str:
    """Return a page with the view's blocks."""
    return page(
        "view.html",
        title=title,
        subtitle="",
        blocks=view.blocks,
        legend=view.legend,
    )


def page(template: str, *, package: str = "gitops_cli.render", **values: Any) -> str:
    """Return a page that a template of a package makes; it may extend `base.html`."""
    style, script = _own("page.css"), _own("page.js")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    given: Mapping[str, Any] = {
        "refresh": None,
        "made": f"{datetime.now().astimezone():%Y-%m-%d %H:%M %Z}",
        "version": __version__,
        "policy": policy,
        "style": Markup(style),
        "script": Markup(script),
        **values,
    }
    return _environment(package).get_template(template).render(given)


@cache
def _environment(package: str) -> Environment:
    environment = Environment(
        loader=ChoiceLoader(
            [PackageLoader(name, "pages") for name in dict.fromkeys((package, "gitops_cli.render"))]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.globals.update(cell=cell, classes=_classes, followed=is_address, heading=_heading)
    return environment


@cache
def _own(name: str) -> str:
    """Return a file that stands in every page."""
    source, _, _ = PackageLoader("gitops_cli.render", "pages").get_source(
        Environment(autoescape=True), name
    )
    return source


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _shown(value: object) -> object:
    """Return what is put in with its controls written out; what is escaped already stays."""
    if isinstance(value, Markup):
        return value
    return visible(value) if isinstance(value, str) else value


def _classes(value: Cell | Line, column: Column | None = None) -> Markup:
    names = [_CLASSES.get(value.style, "")]
    if column is not None:
        names += ["right"] if column.right else []
        names += ["prose"] if column.flow in (Flow.WRAP, Flow.PROSE, Flow.BRIEF) else []
    if isinstance(value, Line) and value.text.startswith(_SET_OFF):
        names.append("set-off")
    said = " ".join(filter(None, names))
    return Markup(' class="{}"').format(escape(said)) if said else Markup("")


def _heading(column: Column) -> str:
    title = column.title[:1].upper() + column.title[1:]
    return f"{title} vs {column.versus}" if column.versus else title
