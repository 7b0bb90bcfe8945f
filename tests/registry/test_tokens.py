"""Tokens and credentials: who gets them, and who does not."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from gitops_cli.domain.errors import Denied, RegistryError
from gitops_cli.domain.registries import RegistryRules
from gitops_cli.registry.client import Registries
from tests.registry.asked import DIGEST, HERE, SECRET, image, logged_in, opened
from tests.registry.scripted import Reply, Request, scripted
from tests.testbed.registry import make_certificate


class TokenServer:
    """A registry whose token server wants, or does not want, credentials."""

    def __init__(self, *, needs: str | None = None, fields: str = "token") -> None:
        self.needs, self.fields, self.granted = needs, fields, "granted-token"
        self.address = ""

    def __call__(self, request: Request) -> Reply:
        if request.path.startswith("/token"):
            return self._token(request)
        if request.headers.get("authorization") == f"Bearer {self.granted}":
            return HERE
        scheme = f'Bearer realm="http://{self.address}/token",service="tests"'
        return Reply(401, {"WWW-Authenticate": scheme + ',scope="repository:team/web:pull"'})

    def _token(self, request: Request) -> Reply:
        given = request.headers.get("authorization")
        if request.method == "POST":
            given = parse_qs(request.body.decode())["refresh_token"][0]
        if self.needs is not None and given != self.needs:
            return Reply(401, {}, b'{"errors": [{"code": "UNAUTHORIZED"}]}')
        return Reply(200, {}, json.dumps({self.fields: self.granted}).encode())


@pytest.mark.parametrize("field", ["token", "access_token"])
def test_everybody_gets_a_token(registries: Registries, field: str) -> None:
    token = TokenServer(fields=field)
    with scripted(token) as server:
        token.address = server.address
        assert registries.digest(image(server)) == DIGEST
        assert registries.digest(image(server, "other")) == DIGEST

    asked = [urlsplit(r.path) for r in server.requests if r.path.startswith("/token")]
    assert [parse_qs(url.query) for url in asked] == [
        {"scope": ["repository:team/web:pull"], "service": ["tests"]}
    ], "one token serves all tags of a repository"


def test_a_token_that_expired_is_fetched_anew(registries: Registries) -> None:
    token = TokenServer()
    with scripted(token) as server:
        token.address = server.address
        registries.digest(image(server))
        token.granted = "another"
        assert registries.digest(image(server)) == DIGEST


def test_credentials_go_to_the_token_server_only(tmp_path: Path) -> None:
    basic = "Basic " + base64.b64encode(f"ada:{SECRET}".encode()).decode()
    token = TokenServer(needs=basic)
    with scripted(token) as server:
        token.address = server.address
        assert logged_in(tmp_path, server).digest(image(server)) == DIGEST

    assert [r.path.split("?")[0] for r in server.requests if SECRET in str(r.headers)] == []
    assert {r.path.split("?")[0] for r in server.requests if basic in r.headers.values()} == {
        "/token"
    }
    assert not any(SECRET in r.path for r in server.requests)


def test_an_identity_token_is_exchanged(tmp_path: Path) -> None:
    token = TokenServer(needs=SECRET, fields="access_token")
    with scripted(token) as server:
        token.address = server.address
        assert logged_in(tmp_path, server, identitytoken=SECRET).digest(image(server)) == DIGEST

    [exchange] = [r for r in server.requests if r.method == "POST"]
    form = parse_qs(exchange.body.decode())
    assert (form["grant_type"], form["service"]) == (["refresh_token"], ["tests"])


def test_a_registry_token_needs_no_exchange(tmp_path: Path) -> None:
    token = TokenServer(needs="nobody")
    with scripted(token) as server:
        token.address = server.address
        assert logged_in(tmp_path, server, registrytoken=token.granted).digest(image(server))


def test_refused_credentials_name_their_file_and_hold_no_secret(tmp_path: Path) -> None:
    token = TokenServer(needs="somebody else")
    with scripted(token) as server:
        token.address = server.address
        asking = logged_in(tmp_path, server)
        with pytest.raises(Denied) as caught:
            asking.digest(image(server))

    assert str(tmp_path / ".docker" / "config.json") in caught.value.message
    assert caught.value.exit_code == 4
    assert SECRET not in f"{caught.value.message}{caught.value.hint}"


def test_without_credentials_the_hint_is_to_log_in(registries: Registries) -> None:
    basic = Reply(401, {"WWW-Authenticate": 'Basic realm="tests"'})
    with scripted(lambda _: basic) as server, pytest.raises(Denied) as caught:
        registries.digest(image(server))

    assert caught.value.hint == f"docker login {server.address}"


def test_no_credentials_go_over_plain_http_to_another_host(tmp_path: Path) -> None:
    make_certificate(tmp_path)
    challenge = Reply(401, {"WWW-Authenticate": 'Bearer realm="http://elsewhere.example/token"'})
    with scripted(lambda _: challenge, certificate=tmp_path) as server:
        rules = {server.address: RegistryRules(server.address, ca_file=tmp_path / "ca.crt")}
        asking = opened(tmp_path, rules)
        with pytest.raises(RegistryError, match="plain HTTP"):
            asking.digest(image(server))
