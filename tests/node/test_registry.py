"""Debian's docker-registry: every type of manifest, HTTP, and TLS with credentials."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops_cli.domain.errors import Denied, RegistryError
from gitops_cli.domain.image import parse_image
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


def asking(home: Path, registry: RealRegistry, *, trusted: bool = True) -> Registries:
    rules = RegistryRules(registry.address, ca_file=registry.ca_file if trusted else None)
    return Registries({registry.address: rules}, {"HOME": str(home)})


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

    assert asking(tmp_path, plain).digest(image) == pushed


def test_missing_and_deleted_images(plain: RealRegistry, tmp_path: Path) -> None:
    digest = plain.push("team/gone", "1")
    image = parse_image(f"{plain.address}/team/gone:1@{digest}")
    registries = asking(tmp_path, plain)
    before = registries.digest(image)

    plain.delete("team/gone", digest)

    assert (before, registries.digest(image)) == (digest, None)
    assert registries.digest(parse_image(f"{plain.address}/nobody/knows:1")) is None


def test_tls_with_credentials(closed: RealRegistry, tmp_path: Path) -> None:
    pushed = closed.push("team/web", "36a03b3")
    log_in(tmp_path, closed.docker_config())

    digest = asking(tmp_path, closed).digest(parse_image(f"{closed.address}/team/web:36a03b3"))

    assert digest == pushed


def test_without_credentials(closed: RealRegistry, tmp_path: Path) -> None:
    with pytest.raises(Denied, match="asks for credentials"):
        asking(tmp_path, closed).digest(parse_image(f"{closed.address}/team/web:1"))


def test_with_wrong_credentials(closed: RealRegistry, tmp_path: Path) -> None:
    wrong = RealRegistry(closed.address, closed.log, account=Account("ci", "guessed-it"))
    log_in(tmp_path, wrong.docker_config())

    with pytest.raises(Denied) as caught:
        asking(tmp_path, closed).digest(parse_image(f"{closed.address}/team/web:1"))

    assert "guessed-it" not in f"{caught.value.message}{caught.value.hint}"


def test_with_an_unknown_authority(closed: RealRegistry, tmp_path: Path) -> None:
    log_in(tmp_path, closed.docker_config())

    with pytest.raises(RegistryError, match="not trusted"):
        asking(tmp_path, closed, trusted=False).digest(parse_image(f"{closed.address}/a/b:1"))
