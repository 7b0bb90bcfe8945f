"""Registries and Docker's files: an image is what was seen, and secrets stay where they are."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_cli.domain.errors import ConfigurationError, Denied, RegistryError
from gitops_cli.domain.image import parse_image
from gitops_cli.domain.registries import RegistryRules
from gitops_cli.registry.client import Registries
from gitops_cli.registry.credentials import find_credentials
from tests.fuzz.broken import jsons, texts
from tests.registry.scripted import Reply, Request, Scripted, scripted

pytestmark = pytest.mark.sweep

SECRET = "do-not-tell"
TYPE = "application/vnd.oci.image.manifest.v1+json"
MANIFEST = {
    "schemaVersion": 2,
    "mediaType": TYPE,
    "config": {"digest": f"sha256:{'c' * 64}", "size": 1},
    "layers": [{"digest": f"sha256:{'d' * 64}", "size": 1}],
}
TOKEN = {"token": "abc", "expires_in": 300}
ERRORS = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "no such", "detail": {}}]}
AUTH = base64.b64encode(f"ada:{SECRET}".encode()).decode()
HOST = "r.example.com"
DOCKER = {
    "auths": {
        HOST: {"auth": AUTH},
        "https://index.docker.io/v1/": {"username": "ada", "password": SECRET},
        "other.example.com": {"identitytoken": SECRET},
    },
    "credHelpers": {"helped.example.com": "no-such-helper"},
    "HttpHeaders": {"User-Agent": "x"},
}


class Answers(NamedTuple):
    """What the registry says: of an image, and of a token."""

    kind: str
    manifest: bytes
    token: bytes
    status: int
    challenge: str


@pytest.fixture(scope="module")
def registry() -> Iterator[tuple[Scripted, list[Answers]]]:
    """Run a registry that answers as the last of a list says."""
    said: list[Answers] = []

    def answer(request: Request) -> Reply:
        now = said[-1]
        if request.path.startswith("/token"):
            return Reply(200, {"Content-Type": "application/json"}, now.token)
        if "authorization" not in request.headers:
            return Reply(401, {"WWW-Authenticate": now.challenge.replace("HERE", server.address)})
        if request.method == "HEAD":
            return Reply(405)
        return Reply(now.status, {"Content-Type": now.kind}, now.manifest)

    with scripted(answer) as server:
        yield server, said


CHALLENGE = 'Bearer realm="http://HERE/token",service="r",scope="repository:shop/web:pull"'
CHALLENGES = st.just(CHALLENGE) | texts(CHALLENGE.encode()).map(
    lambda b: "".join(c for c in b.decode("latin-1") if c not in "\r\n\0")
)


@given(
    st.builds(
        Answers,
        st.sampled_from([TYPE, TYPE, "text/html", "application/json", ""]),
        jsons(MANIFEST) | jsons(ERRORS) | st.just(json.dumps(MANIFEST).encode()),
        jsons(TOKEN) | st.just(json.dumps(TOKEN).encode()),
        st.sampled_from([200, 200, 200, 404, 401, 403, 400, 302]),
        CHALLENGES,
    )
)
def test_an_image_is_there_where_its_manifest_was_seen(
    registry: tuple[Scripted, list[Answers]], tmp_path_factory: pytest.TempPathFactory, now: Answers
) -> None:
    server, said = registry
    said.append(now)
    # Plain HTTP from the first try: to load the system's authorities took longer than all else.
    plain = RegistryRules(server.address, insecure=True)
    client = Registries({plain.host: plain}, {"HOME": "/nowhere"}, timeout=3)
    try:
        digest = client.digest(parse_image(f"{server.address}/shop/web:1"))
    except (RegistryError, Denied):
        return
    finally:
        client.close()
    if digest is None:
        assert now.status == 404
    else:
        assert digest == f"sha256:{hashlib.sha256(now.manifest).hexdigest()}"
        assert json.loads(now.manifest)["schemaVersion"] == 2
        assert now.kind != "text/html"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("docker")


@given(
    jsons(DOCKER), st.sampled_from([HOST, "docker.io", "other.example.com", "helped.example.com"])
)
def test_credentials_are_those_of_the_file(folder: Path, data: bytes, host: str) -> None:
    (folder / "config.json").write_bytes(data)
    environ = {"DOCKER_CONFIG": str(folder), "HOME": str(folder), "PATH": "/nowhere"}
    try:
        found = find_credentials(host, "shop/web", environ)
    except (ConfigurationError, Denied) as error:
        assert SECRET not in f"{error} {error.hint}"  # noqa: PT017 - nothing else may come
        return
    if found is not None:
        assert SECRET not in repr(found)
        assert found.basic is None or found.basic.startswith("Basic ")
