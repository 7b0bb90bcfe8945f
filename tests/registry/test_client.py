"""What registries answer, played by a scripted server; tests/node has the real one."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from gitops_cli.domain.errors import ConfigurationError, Denied, RegistryError
from gitops_cli.domain.image import ImageRef, parse_image
from gitops_cli.domain.registries import RegistryRules
from gitops_cli.registry.client import ACCEPT, Registries
from gitops_cli.registry.connection import MAX_BODY
from gitops_cli.registry.document import MANIFESTS
from gitops_cli.web.parallel import ask_all
from gitops_cli.web.patience import LONGEST, retry_after
from tests.registry.scripted import Reply, Request, Scripted, image_with, scripted
from tests.testbed.registry import free_port, make_certificate

DIGEST = "sha256:" + "0f" * 32
SECRET = "tr0ub4dor"
NONE = Reply(404)
HERE = image_with(DIGEST)


def image(server: Scripted, tag: str = "36a03b3") -> ImageRef:
    return parse_image(f"{server.address}/team/web:{tag}")


OPENED: list[Registries] = []


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Close all that a test has opened."""
    yield
    while OPENED:
        OPENED.pop().close()


def opened(
    home: Path, rules: Mapping[str, RegistryRules] | None = None, **rest: float
) -> Registries:
    """Return a client whose credentials and certificates are below `home`."""
    OPENED.append(Registries(rules or {}, {"HOME": str(home)}, **rest))
    return OPENED[-1]


@pytest.fixture
def registries(tmp_path: Path) -> Registries:
    return opened(tmp_path, timeout=5)


def logged_in(home: Path, server: Scripted, **entry: str) -> Registries:
    entry = entry or {"auth": base64.b64encode(f"ada:{SECRET}".encode()).decode()}
    file = home / ".docker" / "config.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"auths": {server.address: entry}}))
    return opened(home, timeout=5)


def test_head_with_every_type_of_manifest(registries: Registries) -> None:
    with scripted(lambda _: HERE) as server:
        assert registries.digest(image(server)) == DIGEST

    [request] = server.requests
    assert (request.method, request.path) == ("HEAD", "/v2/team/web/manifests/36a03b3")
    assert request.headers["accept"] == ACCEPT
    assert request.headers["user-agent"].startswith("gitops-cli/")
    assert "authorization" not in request.headers


def test_a_pinned_image_is_asked_by_its_digest(registries: Registries) -> None:
    with scripted(lambda _: HERE) as server:
        registries.digest(parse_image(f"{server.address}/web:36a03b3@{DIGEST}"))

    assert server.requests[0].path == f"/v2/web/manifests/{DIGEST}"


def test_missing_is_none(registries: Registries) -> None:
    with scripted(lambda _: NONE) as server:
        assert registries.digest(image(server)) is None


@pytest.mark.parametrize("head", [200, 405], ids=["no digest header", "no HEAD"])
def test_the_digest_is_computed_where_it_is_not_told(registries: Registries, head: int) -> None:
    body = b'{"schemaVersion": 2}'

    def answer(request: Request) -> Reply:
        return Reply(head) if request.method == "HEAD" else Reply(200, {}, body)

    with scripted(answer) as server:
        assert registries.digest(image(server)) == f"sha256:{hashlib.sha256(body).hexdigest()}"


def test_an_endless_manifest_is_refused(registries: Registries) -> None:
    with (
        scripted(lambda r: Reply(200, {}, b"x" * (MAX_BODY + 10))) as server,
        pytest.raises(RegistryError, match="larger than"),
    ):
        registries.digest(image(server))


HTML = {"Content-Type": "text/html; charset=utf-8"}
JSON = {"Content-Type": "application/json"}
MANIFEST = b'{"schemaVersion": 2, "mediaType": "%b"}' % MANIFESTS[1].encode()
TYPED = {"Content-Type": MANIFESTS[1]}


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param(HTML, b"<html>log in</html>", id="page"),
        pytest.param(HTML | {"Docker-Content-Digest": DIGEST}, b"<html>", id="page with digest"),
        pytest.param(HTML, MANIFEST, id="manifest told to be a page"),
        pytest.param(TYPED, b"<html>log in</html>", id="page told to be a manifest"),
        pytest.param({}, b"<html>log in</html>", id="page of no type"),
        pytest.param({}, b"", id="nothing"),
        pytest.param(JSON, b"[]", id="list"),
        pytest.param(JSON, b"{}", id="empty object"),
        pytest.param(JSON, b'{"schemaVersion": "2"}', id="version a text"),
        pytest.param(JSON, b'{"schemaVersion": 2, "mediaType": 5}', id="type a number"),
        pytest.param(JSON, b'{"schemaVersion": 2, "mediaType": "text/html"}', id="other type"),
        pytest.param(JSON, b'{"schemaVersion": 1, "name": "team/web"}', id="old schema"),
        pytest.param(JSON, b"[" * 100_000, id="deep"),
        pytest.param(JSON, b'{"schemaVersion": ' + b"9" * 5000 + b"}", id="large number"),
        pytest.param(TYPED, b"\xff\xfe{", id="no UTF-8"),
    ],
)
def test_what_is_no_manifest_is_no_image(
    registries: Registries, headers: dict[str, str], body: bytes
) -> None:
    with (
        scripted(lambda _: Reply(200, headers, body)) as server,
        pytest.raises(RegistryError, match="no image manifest") as caught,
    ):
        registries.digest(image(server))

    assert caught.value.exit_code == 5


def test_a_manifest_is_believed_by_its_content_where_its_type_is_not_told(
    registries: Registries,
) -> None:
    with scripted(lambda _: Reply(200, JSON, MANIFEST)) as server:
        assert registries.digest(image(server)) == f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"


def test_a_manifest_with_another_digest_than_it_is_told_to_have_is_refused(
    registries: Registries,
) -> None:
    def answer(request: Request) -> Reply:
        told = {} if request.method == "HEAD" else {"Docker-Content-Digest": DIGEST}
        return Reply(200, TYPED | told, MANIFEST)

    with (
        scripted(answer) as server,
        pytest.raises(RegistryError, match="another manifest than"),
    ):
        registries.digest(image(server))


@pytest.mark.parametrize("told", [True, False], ids=["by a header", "by the manifest"])
def test_an_image_with_another_digest_than_was_asked_for_is_refused(
    registries: Registries, told: bool
) -> None:
    headers = TYPED | ({"Docker-Content-Digest": "sha256:" + "1f" * 32} if told else {})
    with (
        scripted(lambda _: Reply(200, headers, MANIFEST)) as server,
        pytest.raises(RegistryError, match="sends another image than"),
    ):
        registries.digest(parse_image(f"{server.address}/web:36a03b3@{DIGEST}"))


@pytest.mark.parametrize(
    "token",
    [
        b"[" * 100_000,
        b"[]",
        b"5",
        b'{"token": 5}',
        b'{"token": ["a"]}',
        b'{"token": "a\\r\\nX: y"}',
        b'{"token": "a b"}',
        b'{"token": "\\ud800"}',
        b'{"token": ""}',
        b'{"token": null, "access_token": {}}',
        b"\xff",
    ],
)
def test_a_token_that_is_none_is_the_token_servers_error(
    registries: Registries, token: bytes
) -> None:
    def answer(request: Request) -> Reply:
        if request.path.startswith("/token"):
            return Reply(200, JSON, token)
        return Reply(401, {"WWW-Authenticate": 'Bearer realm="/token"'})

    with scripted(answer) as server, pytest.raises(RegistryError, match="sent no token") as caught:
        registries.digest(image(server))

    assert caught.value.exit_code == 5


@pytest.mark.parametrize(
    "errors",
    [
        b"[" * 100_000,
        b"5",
        b'{"errors": 5}',
        b'{"errors": []}',
        b'{"errors": [7]}',
        b'{"errors": {}}',
    ],
)
def test_an_error_in_other_words_is_told_by_its_number(
    registries: Registries, errors: bytes
) -> None:
    with (
        scripted(lambda r: Reply(405 if r.method == "HEAD" else 500, JSON, errors)) as server,
        pytest.raises(RegistryError, match=r"answered 500$"),
    ):
        registries.digest(image(server))


def test_a_token_that_cannot_be_sent_is_named_and_not_shown(tmp_path: Path) -> None:
    challenge = Reply(401, {"WWW-Authenticate": 'Bearer realm="/token"'})
    with scripted(lambda _: challenge) as server, pytest.raises(ConfigurationError) as caught:
        logged_in(tmp_path, server, registrytoken=f"{SECRET}\r\nX: y").digest(image(server))

    assert "Authorization" in caught.value.message
    assert SECRET not in f"{caught.value.message}{caught.value.hint}"


def test_several_images_of_a_plain_registry_on_this_machine(registries: Registries) -> None:
    """All find out at once that it speaks no TLS, and none of them takes that for an error."""
    with scripted(lambda _: HERE) as server:
        images = [image(server, f"{number:07}") for number in range(16)]
        assert ask_all(registries.digest, images) == [DIGEST] * 16


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


@pytest.mark.parametrize("wait", ["1", "date"])
def test_a_rate_limit_is_waited_for(registries: Registries, wait: str) -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    replies = [Reply(429, {"Retry-After": until if wait == "date" else wait}), HERE]
    begin = time.monotonic()
    with scripted(lambda _: replies.pop(0)) as server:
        assert registries.digest(image(server)) == DIGEST

    assert time.monotonic() - begin >= 0.9


def test_a_rate_limit_longer_than_the_time_left_is_reported_at_once(
    registries: Registries,
) -> None:
    limit = Reply(429, {"Retry-After": "900"})
    begin = time.monotonic()
    with scripted(lambda _: limit) as server, pytest.raises(RegistryError) as caught:
        registries.digest(image(server))

    assert time.monotonic() - begin < 3
    assert "429" in caught.value.message
    assert caught.value.hint == "it asks to come back in 900 s"


@pytest.mark.parametrize(
    "first", [Reply(503), Reply(502), Reply(hang_up=True)], ids=["503", "502", "hangs up"]
)
def test_a_stumble_is_tried_again(registries: Registries, first: Reply) -> None:
    replies = [first, HERE]
    with scripted(lambda _: replies.pop(0)) as server:
        assert registries.digest(image(server)) == DIGEST


def test_an_error_quotes_the_registry(registries: Registries) -> None:
    errors = b'{"errors": [{"code": "DENIED", "message": "no\\u001b[31m"}]}'

    def answer(request: Request) -> Reply:
        return Reply(200) if request.method == "HEAD" else Reply(500, {}, errors)

    with scripted(answer) as server, pytest.raises(RegistryError) as caught:
        registries.digest(image(server))

    assert caught.value.message == rf"{server.address}: answered 500: DENIED no\x1b[31m"
    assert caught.value.exit_code == 5


def test_a_registry_that_stops_in_the_middle_is_no_hang(tmp_path: Path) -> None:
    def slow(_: Request) -> Reply:
        time.sleep(1.5)
        return HERE

    begin = time.monotonic()
    with scripted(slow) as server:
        asking = opened(tmp_path, timeout=0.5)
        with pytest.raises(RegistryError, match="no answer in time"):
            asking.digest(image(server))

    assert time.monotonic() - begin < 4


def test_nobody_listens(registries: Registries) -> None:
    with pytest.raises(RegistryError, match="refuses connections"):
        registries.digest(parse_image(f"127.0.0.1:{free_port()}/web:1"))


def test_no_such_host(registries: Registries) -> None:
    with pytest.raises(RegistryError, match="no such host"):
        registries.digest(parse_image("registry.invalid/web:1"))


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
    return opened(home, timeout=5)


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


def test_plain_http_is_asked_for_elsewhere(tmp_path: Path) -> None:
    """On this machine's own names it is found out; any other host needs the user's word."""
    with scripted(lambda _: HERE) as server:
        port = server.address.partition(":")[2]
        elsewhere = f"0.0.0.0:{port}"  # not a loopback address by name
        pinned = parse_image(f"{elsewhere}/web:1")

        with pytest.raises(RegistryError, match="TLS failed") as caught:
            opened(tmp_path).digest(pinned)
        asked = opened(tmp_path, {elsewhere: RegistryRules(elsewhere, insecure=True)})

        assert "insecure = true" in (caught.value.hint or "")
        assert asked.digest(pinned) == DIGEST


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("7", 7.0),
        ("", None),
        ("soon", None),
        ("Wed, 21 Oct 2015 07:28:10 GMT", 10.0),
        ("Wed, 21 Oct 2015 07:28:10 -0000", 10.0),
        ("-1", None),
        ("²", None),
        ("1e400", None),
        ("9" * 5000, LONGEST),
        ("86400", LONGEST),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0.0),
    ],
)
def test_retry_after(value: str, expected: float | None) -> None:
    now = datetime(2015, 10, 21, 7, 28, tzinfo=UTC)

    assert retry_after(value, now) == expected


@pytest.mark.parametrize("module", ["urllib3", "certifi", "gitops_cli.registry"])
def test_commands_without_a_registry_do_not_load_it(module: str) -> None:
    code = (
        "import sys, gitops_cli.cli.app, gitops_cli.operations.images\n"
        f"sys.exit({module!r} in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
