"""All that is asked of a forge, once, and what its stand-in answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from gitops_cli.domain.change.request import Extras, Wish
from gitops_cli.forge.api import ForgeApi
from gitops_cli.forge.client import propose
from gitops_cli.forge.requests import Requests
from gitops_cli.forge.tokens import ForgeToken
from gitops_cli.web.address import parse_address
from tests.forge.fakes import FakeForge
from tests.registry.scripted import Reply, Request, scripted

EXTRAS = Extras(True, ("grace",), ("release",), ("grace",), True)


class Exchange(NamedTuple):
    """One request, and its answer."""

    asked: Request
    said: Reply


def conversation(
    forge: FakeForge,
    below: str,
    connected: Callable[[ForgeApi], Requests],
    accept: str = "application/json",
    marks: tuple[tuple[str, str], ...] = (),
) -> list[Exchange]:
    """Open, change, comment, merge and close; `below` is the path of the API."""
    exchanges: list[Exchange] = []

    def answer(request: Request) -> Reply:
        said = forge.answer(request)
        exchanges.append(Exchange(request, said))
        return said

    with scripted(answer) as server:
        forge.address = server.address
        base = parse_address(f"http://{server.address}{below}")
        token = ForgeToken("tests", forge.authorization)
        requests = connected(ForgeApi(base, token, accept=accept, marks=marks))
        for title in ("first", "second"):
            assert propose(requests, Wish("a", "main", title, "text", EXTRAS)).troubles == ()
        assert [request.title for request in requests.opened()] == ["second"]
        requests.add_comment(1, "text")
        [comment] = requests.comments(1)
        requests.change_comment(1, comment, "another")
        forge.ways, forge.texts = ("squash",), ("subject\n\nGitops-Action: promote\n",)
        requests.merge(requests.get(1))
        propose(requests, Wish("b", "main", "third", "text"))
        requests.close(requests.get(2))
        requests.close_connection()
    assert forge.wrong == []
    return exchanges
