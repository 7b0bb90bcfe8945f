"""Debian's docker-registry: every type of manifest, HTTP, and TLS with credentials."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gitops_cli.domain.errors import Denied, RegistryError
from gitops_cli.domain.image import ImageRef, parse_image
from gitops_cli.domain.registries import RegistryRules
from gitops_cli.registry.client import Registries
from tests.testbed.registry import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    Account,
    RealRegistry,
    running_registry,
)

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("engines")]
ACCOUNT = Account("ci", "correct horse: battery staple")


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    with running_registry(tmp_path_factory.mktemp("closed"), account=ACCOUNT) as registry:
        yield registry


def digest_of(
    image: ImageRef, home: Path, registry: RealRegistry, *, trusted: bool = True
) -> str | None:
    """Return what the registry says to a user with that home."""
    rules = RegistryRules(registry.address, ca_file=registry.ca_file if trusted else None)
    with closing(Registries({registry.address: rules}, {"HOME": str(home)})) as registries:
        return registries.digest(image)


def log_in(home: Path, content: str) -> None:
    file = home / ".docker" / "config.json"
    file.parent.mkdir()
    file.write_text(content)


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST])
def test_the_digest_is_that_of_what_was_pushed(
    plain: RealRegistry, tmp_path: Path, media_type: str
) -> None:
    pushed = plain.push("team/web", "36a03b3", media_type)
    image = parse_image(f"{plain.address}/team/web:36a03b3")

    assert digest_of(image, tmp_path, plain) == pushed


def test_missing_and_deleted_images(plain: RealRegistry, tmp_path: Path) -> None:
    digest = plain.push("team/gone", "1")
    image = parse_image(f"{plain.address}/team/gone:1@{digest}")
    before = digest_of(image, tmp_path, plain)

    plain.delete("team/gone", digest)

    assert (before, digest_of(image, tmp_path, plain)) == (digest, None)
    nobodys = parse_image(f"{plain.address}/nobody/knows:1")
    assert digest_of(nobodys, tmp_path, plain) is None


def test_tls_with_credentials(closed: RealRegistry, tmp_path: Path) -> None:
    pushed = closed.push("team/web", "36a03b3")
    log_in(tmp_path, closed.docker_config())

    digest = digest_of(parse_image(f"{closed.address}/team/web:36a03b3"), tmp_path, closed)

    assert digest == pushed


def test_without_credentials(closed: RealRegistry, tmp_path: Path) -> None:
    with pytest.raises(Denied, match="asks for credentials"):
        digest_of(parse_image(f"{closed.address}/team/web:1"), tmp_path, closed)


def test_with_wrong_credentials(closed: RealRegistry, tmp_path: Path) -> None:
    wrong = RealRegistry(closed.address, closed.log, account=Account("ci", "guessed-it"))
    log_in(tmp_path, wrong.docker_config())

    with pytest.raises(Denied) as caught:
        digest_of(parse_image(f"{closed.address}/team/web:1"), tmp_path, closed)

    assert "guessed-it" not in f"{caught.value.message}{caught.value.hint}"


def test_with_an_unknown_authority(closed: RealRegistry, tmp_path: Path) -> None:
    log_in(tmp_path, closed.docker_config())

    with pytest.raises(RegistryError, match="not trusted"):
        digest_of(parse_image(f"{closed.address}/a/b:1"), tmp_path, closed, trusted=False)
