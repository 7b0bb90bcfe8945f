"""What registries answer, played by a scripted server; tests/node has the real one."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from gitops_cli.domain.errors import RegistryError
from gitops_cli.domain.image import parse_image
from gitops_cli.domain.registries import RegistryRules
from gitops_cli.registry.client import Registries
from gitops_cli.web.patience import LONGEST, retry_after
from tests.registry.asked import DIGEST, HERE, image, opened
from tests.registry.scripted import Reply, Request, scripted
from tests.testbed.patience import HANGING
from tests.testbed.ports import free_port


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

    assert time.monotonic() - begin < HANGING
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

    assert time.monotonic() - begin < HANGING


def test_nobody_listens(registries: Registries) -> None:
    with pytest.raises(RegistryError, match="refuses connections"):
        registries.digest(parse_image(f"127.0.0.1:{free_port()}/web:1"))


def test_no_such_host(registries: Registries) -> None:
    with pytest.raises(RegistryError, match="no such host"):
        registries.digest(parse_image("registry.invalid/web:1"))


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
