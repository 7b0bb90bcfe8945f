"""What the forges' lists and documents have in common."""

from __future__ import annotations

from gitops_cli.domain.errors import ForgeError
from gitops_cli.web.address import parse_address

PAGE = 50
"""Requests asked for at once: the most that Gitea gives where nobody has set another limit."""


def page_of(number: int) -> dict[str, str]:
    """Return the query for a page: GitHub and GitLab call its size per_page, Gitea limit."""
    return {"per_page": str(PAGE), "limit": str(PAGE), "page": str(number)}


def page_address(url: str) -> str:
    """Return the address of a request's page, which is shown and opened; raises ForgeError."""
    try:
        parse_address(url)
    except ValueError:
        raise ForgeError("the forge says an address of the request that is none") from None
    return url
