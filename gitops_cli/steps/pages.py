"""Asks a page whether it says yes: one GET, without login, and no redirect is followed."""

from __future__ import annotations

from typing import NamedTuple

from gitops_cli.domain.errors import ConfigurationError, TimedOut
from gitops_cli.web.address import parse_address
from gitops_cli.web.connection import Site
from gitops_cli.web.exchange import Broken, HttpRequest
from gitops_cli.web.pool import Pool
from gitops_cli.web.proxy import proxy_to
from gitops_cli.web.tls import Trust, make_context

MOST = 1 << 20


class AnsweredPage(NamedTuple):
    """What a page answered."""

    status: int
    body: bytes


def ask(url: str, seconds: float) -> AnsweredPage:
    """Return what a page answers. Raises ConfigurationError, TimedOut, Broken."""
    try:
        address = parse_address(url)
    except ValueError as error:
        raise ConfigurationError(f"{url} is {error}") from error
    if not address.is_private:
        raise ConfigurationError(f"{url} is neither https nor on this machine")
    tls = make_context(Trust()) if address.scheme == "https" else None
    pool = Pool(Site(address._replace(path=""), tls, proxy=proxy_to(address)), most=MOST)
    try:
        answer = pool.send(HttpRequest("GET", address.path or "/"), timeout=seconds)
    except Broken as error:
        if error.late:
            raise TimedOut(f"{address.netloc} did not answer within {seconds:g} s") from error
        raise
    finally:
        pool.close()
    return AnsweredPage(answer.status, answer.body)
