"""Redirects, odd addresses and TLS: where a password may go."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops_cli.domain.errors import Denied, RegistryError
from gitops_cli.domain.image import parse_image
from gitops_cli.domain.registries import RegistryRules
from gitops_cli.registry.client import Registries
from tests.registry.asked import DIGEST, HERE, SECRET, image, logged_in, opened
from tests.registry.scripted import Reply, Request, Scripted, scripted
from tests.testbed.registry import make_certificate


def test_a_redirect_elsewhere_loses_the_credentials(tmp_path: Path) -> None:
    with scripted(lambda _: HERE) as blobs:

        def answer(request: Request) -> Reply:
            if "authorization" not in request.headers:
                return Reply(401, {"WWW-Authenticate": 'Basic realm="tests"'})
            return Reply(307, {"Location": f"http://{blobs.address}/stored"})

        with scripted(answer) as server:
            assert logged_in(tmp_path, server).digest(image(server)) == DIGEST

    [redirected] = blobs.requests
    assert "authorization" not in redirected.headers


def basic_of(password: str) -> str:
    return "Basic " + base64.b64encode(f"ada:{password}".encode()).decode()


def logged_in_at(home: Path, passwords: dict[str, str]) -> Registries:
    """Return a client with another password for each host."""
    auths = {host: {"username": "ada", "password": word} for host, word in passwords.items()}
    file = home / ".docker" / "config.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"auths": auths}))
    return opened(home, timeout=15)


class Elsewhere:
    """Where a registry redirects to: it challenges, and names a realm of its own choice."""

    def __init__(self, challenge: str) -> None:
        self.challenge, self.takes, self.address = challenge, "", ""

    def __call__(self, request: Request) -> Reply:
        if request.path.startswith("/token"):
            return Reply(200, {}, b'{"token": "elsewhere"}')
        if request.headers.get("authorization") == self.takes:
            return HERE
        return Reply(401, {"WWW-Authenticate": self.challenge.format(self.address)})


@pytest.mark.parametrize(
    "challenge", ['Basic realm="x"', 'Bearer realm="http://{}/token"'], ids=["basic", "bearer"]
)
def test_a_challenge_behind_a_redirect_gets_no_credentials_of_the_first_host(
    tmp_path: Path, challenge: str
) -> None:
    with scripted(there := Elsewhere(challenge)) as elsewhere:
        there.address = elsewhere.address

        def answer(_: Request) -> Reply:
            return Reply(307, {"Location": f"http://{elsewhere.address}/v2/team/web/manifests/1"})

        with scripted(answer) as server, pytest.raises(Denied) as caught:
            logged_in(tmp_path, server).digest(image(server))

    assert basic_of(SECRET) not in str(elsewhere.requests)
    assert elsewhere.address in caught.value.message


def test_a_challenge_behind_a_redirect_is_answered_with_that_hosts_own(tmp_path: Path) -> None:
    with scripted(there := Elsewhere('Basic realm="x"')) as elsewhere:
        there.takes = basic_of("theirs")

        def answer(request: Request) -> Reply:
            if request.headers.get("authorization") != basic_of(SECRET):
                return Reply(401, {"WWW-Authenticate": 'Basic realm="x"'})
            return Reply(307, {"Location": f"http://{elsewhere.address}/v2/team/web/manifests/1"})

        with scripted(answer) as server:
            passwords = {server.address: SECRET, elsewhere.address: "theirs"}
            assert logged_in_at(tmp_path, passwords).digest(image(server)) == DIGEST

    assert basic_of(SECRET) not in str(elsewhere.requests)
    assert basic_of("theirs") not in str(server.requests)


def test_a_plain_registry_cannot_have_the_password_sent_over_a_plain_wire(tmp_path: Path) -> None:
    challenge = Reply(401, {"WWW-Authenticate": 'Bearer realm="http://elsewhere.example/token"'})
    with (
        scripted(lambda _: challenge) as server,
        pytest.raises(RegistryError, match="plain HTTP to http://elsewhere"),
    ):
        logged_in(tmp_path, server).digest(image(server))


@pytest.mark.parametrize("scheme", ['Basic realm="x"', 'Bearer realm="https://127.0.0.1/token"'])
def test_a_registry_without_tls_gets_no_password_unless_it_is_on_this_machine(
    tmp_path: Path, scheme: str
) -> None:
    with scripted(lambda _: Reply(401, {"WWW-Authenticate": scheme})) as server:
        elsewhere = f"0.0.0.0:{server.address.partition(':')[2]}"  # no loopback address by name
        logged_in_at(tmp_path, {elsewhere: SECRET})
        rules = {elsewhere: RegistryRules(elsewhere, insecure=True)}
        with pytest.raises(RegistryError, match="wants credentials sent over plain HTTP"):
            opened(tmp_path, rules).digest(parse_image(f"{elsewhere}/web:1"))

    assert ["authorization" in request.headers for request in server.requests] == [False]


ODD_ADDRESSES = [
    "http://[",
    "http://127.0.0.1:x@elsewhere.example/",
    "http://127.0.0.1@elsewhere.example/",
    "http://127.0.0.1\\@elsewhere.example/",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:0/",
    "file:///etc/passwd",
    "ftp://127.0.0.1/",
    "https://\x85/",
]


@pytest.mark.parametrize("address", ODD_ADDRESSES)
def test_an_address_that_is_none_is_not_followed(tmp_path: Path, address: str) -> None:
    with (
        scripted(lambda _: Reply(307, {"Location": address})) as server,
        pytest.raises(RegistryError, match=f"{server.address}: sends us to"),
    ):
        logged_in(tmp_path, server).digest(image(server))


@pytest.mark.parametrize("address", [a for a in ODD_ADDRESSES if "\\" not in a])
def test_an_address_that_is_none_gets_no_credentials(tmp_path: Path, address: str) -> None:
    challenge = Reply(401, {"WWW-Authenticate": f'Bearer realm="{address}"'})
    with (
        scripted(lambda _: challenge) as server,
        pytest.raises(RegistryError, match=f"{server.address}: sends us to"),
    ):
        logged_in(tmp_path, server).digest(image(server))


def test_redirects_end(registries: Registries) -> None:
    def around(_: Request) -> Reply:
        return Reply(307, {"Location": "/again"})

    with scripted(around) as server, pytest.raises(RegistryError, match="redirects without end"):
        registries.digest(image(server))


class TestTls:
    """Whom a registry's certificate is checked against."""

    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[Scripted]:
        make_certificate(tmp_path / "tls")
        with scripted(lambda _: HERE, certificate=tmp_path / "tls") as server:
            yield server

    def test_an_unknown_authority_is_refused(self, server: Scripted, tmp_path: Path) -> None:
        with pytest.raises(RegistryError, match="certificate is not trusted") as caught:
            opened(tmp_path).digest(image(server))

        assert "ca_file" in (caught.value.hint or "")
        assert server.requests == []

    def test_the_users_config_names_it(self, server: Scripted, tmp_path: Path) -> None:
        rules = RegistryRules(server.address, ca_file=tmp_path / "tls" / "ca.crt")
        asking = opened(tmp_path, {server.address: rules})

        assert asking.digest(image(server)) == DIGEST

    @pytest.mark.parametrize("tool", ["docker", "containers"])
    def test_certs_d_names_it(self, server: Scripted, tmp_path: Path, tool: str) -> None:
        directory = tmp_path / ".config" / tool / "certs.d" / server.address
        directory.mkdir(parents=True)
        (directory / "ca.crt").write_bytes((tmp_path / "tls" / "ca.crt").read_bytes())

        assert opened(tmp_path).digest(image(server)) == DIGEST

    def test_ssl_cert_file_names_it(
        self, server: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "tls" / "ca.crt"))

        assert opened(tmp_path).digest(image(server)) == DIGEST
