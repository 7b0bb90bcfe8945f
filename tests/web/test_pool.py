"""Exchanges with servers that do not behave; how whole commands end is in tests/cli."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.web import pool as pools
from gitops_cli.web import wire
from gitops_cli.web.address import parse_address
from gitops_cli.web.connection import Site
from gitops_cli.web.exchange import Broken, Cause, HttpRequest, Response
from gitops_cli.web.pool import POOL_SIZE, Pool
from tests.testbed.hostile import answer, hostile, silence, trickled, without_end
from tests.testbed.patience import HANGING, eventually

GET = HttpRequest("GET", "/x")
SECRET = "tr0ub4dor"
PATHS = ("/first", "/second")


@contextmanager
def pool_of(
    address: str, *headers: tuple[str, str], scheme: str = "http", most: int = 1 << 20
) -> Iterator[Pool]:
    made = Pool(Site(parse_address(f"{scheme}://{address}")), lambda: headers, most=most)
    try:
        yield made
    finally:
        made.close()


def test_who_waits_for_a_free_connection_waits_no_longer_than_the_time_out() -> None:
    over = threading.Event()

    def held(_: str) -> Iterator[bytes]:
        over.wait(60)
        raise ConnectionError
        yield b""

    with hostile(held) as server, pool_of(server.address) as pool:

        def hold() -> None:
            with pytest.raises(Broken):
                pool.send(GET, timeout=2 * HANGING)

        holders = [threading.Thread(target=hold) for _ in range(POOL_SIZE)]
        for holder in holders:
            holder.start()
        while len(server.requests) < POOL_SIZE:
            time.sleep(0.01)
        begin = time.monotonic()
        with pytest.raises(Broken, match="no answer in time") as late:
            pool.send(GET, timeout=0.3)
        assert (late.value.late, late.value.sent) == (True, False)
        assert time.monotonic() - begin < HANGING
        over.set()
        for holder in holders:
            holder.join()


def test_a_name_server_that_does_not_answer_is_waited_for_as_long_as_there_is_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = threading.Event()

    def slow(host: str, *_: object, flags: int = 0, **__: object) -> list[object]:
        if flags & socket.AI_NUMERICHOST:
            raise socket.gaierror
        asked.wait(60)
        return []

    monkeypatch.setattr(wire.socket, "getaddrinfo", slow)
    begin = time.monotonic()
    with pool_of("slow.example") as pool, pytest.raises(Broken, match="no answer in time"):
        pool.send(GET, timeout=0.3)

    assert time.monotonic() - begin < HANGING
    asked.set()


def test_an_address_that_the_kernel_has_no_sockets_for_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on a host without IPv6: EAFNOSUPPORT, before there is anything to connect."""
    with hostile(lambda _: [answer(b"hello")]) as server:
        port = int(server.address.partition(":")[2])
        strange = (socket.AF_UNSPEC, socket.SOCK_STREAM, 0, "", ("::1", port))
        usual = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))
        monkeypatch.setattr(wire.socket, "getaddrinfo", lambda *_, **__: [strange, usual])
        with pool_of(server.address) as pool:
            assert pool.send(GET, timeout=HANGING).body == b"hello"


def test_a_name_that_cannot_be_one_is_an_unknown_host() -> None:
    with pool_of("a" * 70) as pool, pytest.raises(Broken) as broken:
        pool.send(GET, timeout=HANGING)

    assert broken.value.cause is Cause.UNKNOWN_HOST


def test_a_connection_that_was_closed_meanwhile_is_replaced() -> None:
    bodies = itertools.count()

    def once(_: str) -> list[bytes]:
        return [answer(str(next(bodies)).encode())]

    with hostile(once) as server, pool_of(server.address) as pool:
        assert pool.send(GET, timeout=HANGING).body == b"0"
        kept = pool._idle[0]
        kept.interrupt()
        assert pool.send(GET, timeout=HANGING).body == b"1"


def test_headers_of_one_name_are_joined() -> None:
    two = answer(b"", "WWW-Authenticate: Basic realm=a", "WWW-Authenticate: Bearer realm=b")
    with hostile(lambda _: [two]) as server, pool_of(server.address) as pool:
        headers = pool.send(GET, timeout=HANGING).headers

    assert headers["www-authenticate"] == "Basic realm=a, Bearer realm=b"


def test_a_body_up_to_the_cap_is_read_and_one_beyond_is_not() -> None:
    sizes = iter([1000, 1001])
    with (
        hostile(lambda _: [answer(b"x" * next(sizes))]) as server,
        pool_of(server.address, most=1000) as pool,
    ):
        assert len(pool.send(GET, timeout=HANGING).body) == 1000
        with pytest.raises(Broken, match="larger than 1000 bytes") as broken:
            pool.send(GET, timeout=HANGING)

    assert (broken.value.cause, broken.value.again) == (Cause.TOO_LONG, False)


def test_long_answers_come_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their heads may come at once; what is read of each beyond the limit may not."""
    monkeypatch.setattr(pools, "LONG", 1000)
    whole = answer(b"x" * 5000)
    over = threading.Event()

    def answers(request: str) -> Iterator[bytes]:
        if "/first" in request:
            yield whole[:-1]
            over.wait(60)
            yield whole[-1:]
        else:
            yield whole

    with hostile(answers) as server, pool_of(server.address) as pool:
        lengths: dict[str, int] = {}

        def read(path: str) -> None:
            lengths[path] = len(pool.send(HttpRequest("GET", path), timeout=2 * HANGING).body)

        first, second = (threading.Thread(target=read, args=[path]) for path in PATHS)
        first.start()
        eventually(pool._long.locked)
        second.start()
        second.join(0.3)
        assert lengths == {}, "it waits for the first"
        over.set()
        first.join()
        second.join()
    assert lengths == dict.fromkeys(PATHS, 5000)


# --- headers


@pytest.mark.parametrize(
    "value",
    [f"Bearer {SECRET}\r\nX: y", f"{SECRET}\n", f"{SECRET}\0", "", "  ", f"{SECRET}\x1b", "\ud800"],
)
def test_a_value_that_cannot_be_sent_is_not_shown(value: str) -> None:
    with (
        hostile(lambda _: [answer(b"")]) as server,
        pool_of(server.address, ("Authorization", value)) as pool,
        pytest.raises(ConfigurationError) as caught,
    ):
        pool.send(GET, timeout=HANGING)

    assert "Authorization" in caught.value.message
    assert SECRET not in f"{caught.value.message}{caught.value.hint}"
    assert server.requests == []


@pytest.mark.parametrize("name", ["a b", "a:b", "a\r\nb", "a/b", "", "ä"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with (
        hostile(lambda _: [answer(b"")]) as server,
        pool_of(server.address, (name, "x")) as pool,
        pytest.raises(ConfigurationError, match="cannot be a header"),
    ):
        pool.send(GET, timeout=HANGING)


def test_credentials_do_not_travel_in_the_open() -> None:
    with hostile(lambda _: [answer(b"")]) as server:
        elsewhere = f"0.0.0.0:{server.address.partition(':')[2]}"  # no loopback address by name
        with (
            pool_of(elsewhere, ("Authorization", f"Bearer {SECRET}")) as pool,
            pytest.raises(ConfigurationError, match="over https only") as caught,
        ):
            pool.send(GET, timeout=HANGING)

    assert server.requests == []
    assert SECRET not in caught.value.message


# --- lines


def test_lines_come_as_they_are_sent() -> None:
    def events(_: str) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        for line in (b"one\n", b"two\n"):
            yield b"%x\r\n%b\r\n" % (len(line), line)
        yield b"0\r\n\r\n"

    with hostile(events) as server, pool_of(server.address) as pool:
        stream = pool.stream(GET, timeout=HANGING)
        assert (stream.status, list(stream.lines())) == (200, [b"one\n", b"two\n"])


def test_a_line_without_end_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "LINE_MOST", 100_000)
    head = b"HTTP/1.1 200 OK\r\n\r\none\n"
    with (
        hostile(lambda _: without_end(head, b"x" * 65536)) as server,
        pool_of(server.address) as pool,
    ):
        lines = pool.stream(GET, timeout=HANGING).lines()
        assert next(lines) == b"one\n"
        with pytest.raises(Broken, match="a line of its answer is larger than 100000 bytes"):
            next(lines)


def test_a_line_that_trickles_is_late() -> None:
    head = b"HTTP/1.1 200 OK\r\n\r\none\n"
    with (
        hostile(lambda _: itertools.chain([head], trickled(b"x", 0.1))) as server,
        pool_of(server.address) as pool,
    ):
        begin = time.monotonic()
        lines = pool.stream(GET, timeout=0.5).lines()
        assert next(lines) == b"one\n"
        with pytest.raises(Broken, match="no answer in time"):
            next(lines)

    assert time.monotonic() - begin < HANGING


def test_a_head_that_trickles_begins_no_lines() -> None:
    with (
        hostile(lambda _: trickled(b"HTTP/1.1 200 OK ", 0.1)) as server,
        pool_of(server.address) as pool,
        pytest.raises(Broken, match="no answer in time"),
    ):
        pool.stream(GET, timeout=0.5)


def test_lines_end_when_another_thread_closes_them() -> None:
    head = b"HTTP/1.1 200 OK\r\n\r\none\n"
    with (
        hostile(lambda _: itertools.chain([head], silence())) as server,
        pool_of(server.address) as pool,
    ):
        stream = pool.stream(GET, timeout=30)
        lines = stream.lines()
        assert next(lines) == b"one\n"
        threading.Timer(0.2, stream.close).start()
        begin = time.monotonic()
        assert list(lines) == []
        assert time.monotonic() - begin < HANGING


def test_what_is_under_way_when_the_pool_is_closed_keeps_no_connection() -> None:
    answered: list[Response] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        pool = Pool(Site(parse_address(f"http://127.0.0.1:{server.getsockname()[1]}")), tuple)
        asking = threading.Thread(target=lambda: answered.append(pool.send(GET, timeout=30)))
        asking.start()
        peer, _ = server.accept()
        with peer:
            peer.recv(1 << 16)
            pool.close()
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            asking.join()
            peer.settimeout(30)
            assert peer.recv(1) == b"", "it is closed, not kept for nobody"
    assert [response.body for response in answered] == [b"ok"]
