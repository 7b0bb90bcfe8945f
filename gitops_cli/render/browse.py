"""A page of a forge."""

from __future__ import annotations

from gitops_cli.operations.browse import ForgePage
from gitops_cli.render.view import Line, Records, View

_PAGE = Records("", "url shows", "{url}")


def page_view(page: ForgePage) -> View:
    document = {"url": page.url, "shows": page.shows}
    return View("page", document, [Line(page.url, link=page.url)], records=_PAGE)
