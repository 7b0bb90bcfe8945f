"""Ways through proxies: tunnels by CONNECT and SOCKS 5, over TCP and TLS, and plain requests."""

from __future__ import annotations

import base64
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gitops_cli.web.address import parse_address
from gitops_cli.web.connection import Site
from gitops_cli.web.exchange import Broken, Cause, HttpRequest
from gitops_cli.web.pool import Pool
from gitops_cli.web.proxy import parse_proxy, proxy_to
from gitops_cli.web.tls import Pem, Trust, make_context
from tests.cluster.tunnel import SocksTunnel, Tunnel
from tests.registry.scripted import Reply, Scripted, scripted
from tests.registry.scripted import Request as Asked
from tests.testbed.hostile import answer, hostile, trickled
from tests.testbed.registry import make_certificate

GET = HttpRequest("GET", "/x")
HELLO = Reply(200, {}, b"hello")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("certificate")
    make_certificate(directory)
    return directory


@pytest.fixture
def server(certificate: Path) -> Iterator[Scripted]:
    with scripted(lambda _: HELLO, certificate=certificate) as server:
        yield server


@contextmanager
def through(proxy: str, url: str, certificate: Path | None = None) -> Iterator[Pool]:
    authority = () if certificate is None else (_authority(certificate),)
    context = make_context(Trust(authority)) if url.startswith("https") else None
    made = Pool(Site(parse_address(url), context, proxy=parse_proxy(proxy)))
    try:
        yield made
    finally:
        made.close()


def _authority(certificate: Path) -> Pem:
    return Pem("ca.crt", (certificate / "ca.crt").read_bytes())


@pytest.mark.parametrize("kind", [Tunnel, SocksTunnel])
def test_a_tunnel_leads_to_the_server(
    server: Scripted, certificate: Path, kind: type[Tunnel]
) -> None:
    with kind() as tunnel, through(tunnel.url, f"https://{server.address}", certificate) as pool:
        assert [pool.send(GET, timeout=15).body for _ in range(2)] == [b"hello"] * 2

    assert (tunnel.asked, tunnel.logins) == ([server.address], [])


@pytest.mark.parametrize("kind", [Tunnel, SocksTunnel])
def test_a_tunnel_is_logged_in_to(server: Scripted, certificate: Path, kind: type[Tunnel]) -> None:
    with kind() as tunnel:
        url = tunnel.url.replace("://", "://ada:p%40ss@")
        with through(url, f"https://{server.address}", certificate) as pool:
            pool.send(GET, timeout=15)

    packed = base64.b64encode(b"ada:p@ss").decode()
    assert tunnel.logins in ([f"Basic {packed}"], ["ada:p@ss"])
    assert "proxy-authorization" not in server.requests[0].headers


def test_names_are_looked_up_by_the_proxy(server: Scripted, certificate: Path) -> None:
    port = int(server.address.partition(":")[2])
    with (
        SocksTunnel(port) as tunnel,
        through(tunnel.url, "https://only.there.example", certificate) as pool,
        pytest.raises(Broken) as broken,
    ):
        pool.send(GET, timeout=15)

    assert tunnel.asked == ["only.there.example:443"]
    assert broken.value.cause is Cause.UNTRUSTED, "the certificate is for 127.0.0.1"


def test_plain_requests_are_passed_on_by_the_proxy() -> None:
    def relay(request: Asked) -> Reply:
        return Reply(200, {}, request.path.encode())

    with (
        scripted(relay) as proxy,
        through(f"http://ada:pass@{proxy.address}", "http://far.example:8080/base") as pool,
    ):
        assert pool.send(GET, timeout=15).body == b"http://far.example:8080/base/x"

    packed = base64.b64encode(b"ada:pass").decode()
    assert proxy.requests[0].headers["proxy-authorization"] == f"Basic {packed}"
    assert proxy.requests[0].headers["host"] == "far.example:8080"


def test_tls_goes_through_the_tls_of_a_proxy(
    server: Scripted, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "ca.crt"))
    with TlsTunnel(certificate) as tunnel:
        with through(tunnel.url, f"https://{server.address}", certificate) as pool:
            assert [pool.send(GET, timeout=15).body for _ in range(3)] == [b"hello"] * 3
        assert tunnel.asked == [server.address]


def test_tls_within_the_tls_of_a_proxy_ends_without_a_word(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a kept connection that went away meanwhile: another one is made, as without a proxy."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "ca.crt"))
    with (
        scripted(lambda _: Reply(hang_up=True), certificate=certificate) as server,
        TlsTunnel(certificate) as tunnel,
        through(tunnel.url, f"https://{server.address}", certificate) as pool,
        pytest.raises(Broken, match="closed the connection without an answer"),
    ):
        pool.send(GET, timeout=15)


def test_a_server_that_trickles_within_the_tls_of_a_proxy_holds_nobody(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "ca.crt"))
    with (
        TricklingTunnel(certificate) as tunnel,
        through(tunnel.url, "https://far.example") as pool,
        pytest.raises(Broken, match="no answer in time"),
    ):
        pool.send(GET, timeout=0.5)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (answer(b"", status="407 Proxy Authentication Required"), "the proxy answered 407"),
        (answer(b"<html>", status="403 Forbidden\x1b[2J"), "the proxy answered 403"),
        (b"", "closed the connection"),
        (b"SSH-2.0-x\r\n\r\n", "SSH-2.0-x"),
    ],
)
def test_a_proxy_that_does_not_connect_says_why(said: bytes, expected: str) -> None:
    def once(_: str) -> Iterator[bytes]:
        yield said
        raise ConnectionError

    with (
        hostile(once) as proxy,
        through(f"http://{proxy.address}", "https://far.example") as pool,
        pytest.raises(Broken, match=expected) as broken,
    ):
        pool.send(GET, timeout=15)

    assert "\x1b" not in str(broken.value)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_proxy_that_trickles_holds_nobody_past_the_time_out(scheme: str) -> None:
    with (
        hostile(lambda _: trickled(b"HTTP/1.1 200 OK ", 0.1)) as proxy,
        through(f"{scheme}://{proxy.address}", "https://far.example") as pool,
        pytest.raises(Broken, match="no answer in time"),
    ):
        pool.send(GET, timeout=0.5)


@pytest.mark.parametrize(
    "url", ["ftp://proxy", "http://", "http://[", "http://proxy:0x", "http://a\nb", "gopher:x"]
)
def test_what_is_no_proxy_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ValueError, match="a proxy is a URL of http, https, socks5, socks5h"):
        parse_proxy(url)


@pytest.mark.parametrize(
    ("rules", "url", "is_asked"),
    [
        ("10.0.0.0/8", "https://10.1.2.3/", False),
        ("10.0.0.0/8", "https://11.1.2.3/", True),
        ("*.corp.example", "https://git.corp.example/", False),
        ("*.corp.example", "https://corp.example.org/", True),
        ("corp.example", "https://git.corp.example/", False),
        ("corp.example:8443", "https://corp.example/", True),
        ("corp.example:443", "https://corp.example/", False),
        ("*", "https://corp.example/", False),
        (" , 192.168.0.0/33 ,", "https://corp.example/", True),
    ],
)
def test_no_proxy_is_read_as_other_programs_read_it(
    rules: str, url: str, is_asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", rules)
    monkeypatch.delenv("NO_PROXY", raising=False)

    assert (proxy_to(parse_address(url)) is not None) is is_asked


def test_a_proxy_does_not_show_its_password() -> None:
    proxy = parse_proxy("ada:tr0ub4dor@proxy.example")

    assert (proxy.scheme, proxy.host, proxy.port) == ("http", "proxy.example", 80)
    assert "tr0ub4dor" not in f"{proxy!r}{proxy}"


class TlsTunnel(Tunnel):
    """A tunnel whose own connection has TLS."""

    scheme = "https"

    def __init__(self, certificate: Path) -> None:
        super().__init__()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate / "server.crt", certificate / "server.key")
        self._listener = context.wrap_socket(self._listener, server_side=True)


class TricklingTunnel(TlsTunnel):
    """One to a server whose first record of TLS comes byte by byte, and is as long as can be."""

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            self.greet(client)
            client.sendall(self.granted)
            for byte in trickled(b"\x16\x03\x03\x3f\xff", 0.1):
                client.sendall(byte)
