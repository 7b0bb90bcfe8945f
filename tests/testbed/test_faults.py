"""The proxies do to a connection what they are told to."""

from __future__ import annotations

import gc
import http.client
import json
import operator
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from email.utils import parsedate_to_datetime
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.testbed.controlplane import ControlPlane
from tests.testbed.faults import GONE, Answer, ApiProxy, Cut, EndWatch, Hang, Later, Meanwhile
from tests.testbed.kube import ApiError, Kube, path
from tests.testbed.manifests import deployment
from tests.testbed.patience import PATIENCE, eventually
from tests.testbed.tcp import TcpProxy

GOOD = "r/web:36a03b3"


@pytest.fixture
def through(api_proxy: ApiProxy) -> Iterator[Kube]:
    tls = ssl.create_default_context(cafile=str(api_proxy.ca_file))
    client = Kube(api_proxy.url, tls, token=api_proxy.token)
    yield client
    client.close()


def test_requests_pass_and_are_counted(through: Kube, api_proxy: ApiProxy, namespace: str) -> None:
    through.create(deployment("web", GOOD), namespace)
    assert [item["metadata"]["name"] for item in through.find("Deployment", namespace)] == ["web"]
    assert [r.path for r in api_proxy.seen("POST")] == [path("Deployment", namespace)]
    assert len(api_proxy.seen()) == 2
    assert api_proxy.connections == 1


def test_wrong_answers(through: Kube, api_proxy: ApiProxy, namespace: str, kube: Kube) -> None:
    api_proxy.on(Answer(429, retry_after=2), "GET", "/deployments")
    api_proxy.on(Answer(503), "GET", "/deployments", skip=1)
    api_proxy.on(Answer(500, forward=True), "POST")
    codes = []
    for _ in range(2):
        with pytest.raises(ApiError) as refused:
            through.find("Deployment", namespace)
        codes.append(refused.value.code)
    assert codes == [429, 503]
    with pytest.raises(ApiError, match="500"):
        through.create(deployment("web", GOOD), namespace)
    assert kube.exists("Deployment", namespace, "web"), "the API server had done it"


def test_a_body_that_ends_in_the_middle(through: Kube, api_proxy: ApiProxy, namespace: str) -> None:
    through.create(deployment("web", GOOD), namespace)
    api_proxy.on(Cut(after=100), "GET")
    api_proxy.on(Cut(), "GET", skip=1)
    with pytest.raises(http.client.IncompleteRead):
        through.get("Deployment", namespace, "web")
    with pytest.raises(http.client.RemoteDisconnected):
        through.get("Deployment", namespace, "web")
    assert through.get("Deployment", namespace, "web")["metadata"]["name"] == "web"


def test_what_happens_meanwhile(
    through: Kube, api_proxy: ApiProxy, namespace: str, kube: Kube
) -> None:
    kube.create(deployment("web", GOOD), namespace)
    api_proxy.on(
        Meanwhile(lambda: kube.set_image("Deployment", namespace, "web", "web", "r/web:other")),
        "PATCH",
    )
    image = "/spec/template/spec/containers/0/image"
    with pytest.raises(ApiError, match="422"):
        through.patch(
            "Deployment", namespace, "web", [{"op": "test", "path": image, "value": GOOD}]
        )


def test_a_watch_ends_after_its_events(
    through: Kube, api_proxy: ApiProxy, namespace: str, kube: Kube
) -> None:
    for name in ("one", "two"):
        kube.create(deployment(name, GOOD), namespace)
    api_proxy.on(EndWatch(events=1, last=GONE), "GET", "watch=1")
    watch = path("Deployment", namespace) + "?watch=1&timeoutSeconds=30"
    _, _, body = through.send("GET", watch, None, {})
    added, gone = [json.loads(line) for line in body.splitlines()]
    assert added["type"] == "ADDED"
    assert gone["object"]["code"] == 410


def test_a_clock_that_is_ahead(api_proxy: ApiProxy) -> None:
    api_proxy.on(Later(3600), target="/version", skip=1)
    tls = ssl.create_default_context(cafile=str(api_proxy.ca_file))
    client = http.client.HTTPSConnection(urlsplit(api_proxy.url).netloc, context=tls)
    times = []
    for _ in range(2):
        client.request("GET", "/version")
        response = client.getresponse()
        response.read()
        times.append(parsedate_to_datetime(response.headers["Date"]))
    client.close()
    now, ahead = times
    assert (ahead - now).total_seconds() >= 3600


def test_a_hanging_request_ends_with_the_proxy(control_plane: ControlPlane, tmp_path: Path) -> None:
    with ApiProxy(control_plane, tmp_path, "none") as proxy:
        proxy.on(Hang(), "GET")
        host, port = proxy.url.removeprefix("https://").split(":")
        tls = ssl.create_default_context(cafile=str(proxy.ca_file))
        client = http.client.HTTPSConnection(
            host,
            int(port),
            context=tls,
        )
        client.connect()
        client.sock.settimeout(0.2)
        client.request("GET", "/version")
        with pytest.raises(TimeoutError):
            client.getresponse()
        client.close()


def test_a_round_trip_takes_its_time(
    tcp_proxy: TcpProxy, control_plane: ControlPlane, kube: Kube
) -> None:
    tcp_proxy.rtt = 0.1
    tls = ssl.create_default_context(cafile=str(control_plane.ca_file))

    def took() -> tuple[float, float]:
        client = Kube(tcp_proxy.url, tls)
        times = [time.monotonic()]
        for _ in range(2):
            client.request("GET", "/version")
            times.append(time.monotonic())
        client.close()
        first, second = (end - begin for begin, end in pairwise(times))
        assert first >= 0.3, "TCP, TLS and the request"
        assert second >= 0.1
        return first, second

    took()
    assert tcp_proxy.connections == 1
    assert tcp_proxy.bytes_down > 1000
    # Not more either, but for what else the machine does meanwhile.
    eventually(lambda: all(map(operator.lt, took(), (0.6, 0.25))))


def test_cut_hang_and_refuse(tcp_proxy: TcpProxy, control_plane: ControlPlane) -> None:
    tls = ssl.create_default_context(cafile=str(control_plane.ca_file))

    def ask(timeout: float = PATIENCE) -> int:
        client = http.client.HTTPSConnection(
            "127.0.0.1", tcp_proxy.port, context=tls, timeout=timeout
        )
        try:
            client.request("GET", "/version")
            return client.getresponse().status
        finally:
            client.close()

    tcp_proxy.cut_down = 500
    with pytest.raises((ssl.SSLEOFError, ConnectionError)):
        ask()
    assert tcp_proxy.bytes_down == 500
    tcp_proxy.cut_down = None
    assert ask() == 200
    tcp_proxy.hang = True
    with pytest.raises(TimeoutError):
        ask(0.3)
    tcp_proxy.hang = False
    tcp_proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        ask()
    tcp_proxy.listen()
    assert ask() == 200


def end_while_accepting() -> None:
    """Run a proxy that a client connects to again and again until it has ended."""
    ended = threading.Event()

    def connect(port: int) -> None:
        while not ended.is_set():
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()

    with TcpProxy(1) as proxy:
        client = threading.Thread(target=connect, args=(proxy.port,))
        client.start()
        eventually(lambda: proxy.connections > 3)
    ended.set()
    client.join()


@pytest.mark.filterwarnings("always::ResourceWarning")
def test_a_proxy_that_ends_while_it_accepts_leaves_nothing_open(
    recwarn: pytest.WarningsRecorder,
) -> None:
    for _ in range(10):
        end_while_accepting()
    gc.collect()

    assert [str(each.message) for each in recwarn] == []
