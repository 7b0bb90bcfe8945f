"""Which images a registry has, and which answers are believed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from gitops_cli.domain.errors import ConfigurationError, RegistryError
from gitops_cli.domain.image import parse_image
from gitops_cli.registry.client import ACCEPT, Registries
from gitops_cli.registry.connection import MAX_BODY
from gitops_cli.registry.document import MANIFESTS
from gitops_cli.web.parallel import ask_all
from tests.registry.asked import DIGEST, HERE, NONE, SECRET, image, logged_in
from tests.registry.scripted import Reply, Request, scripted


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
