"""Real signatures and attestations of cosign in a real registry, judged without it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gitops_cli.domain.image import ImageRef
from gitops_cli.domain.recorded.signed import KeyFile, Signed
from gitops_cli.registry.client import Registries
from gitops_cli.registry.signed import Vouched
from tests.testbed.programs import program
from tests.testbed.registry import RealRegistry, running_registry

pytestmark = [pytest.mark.node, pytest.mark.programs, pytest.mark.xdist_group("engines")]
SLSA = "https://slsa.dev/provenance/v1"
SIGNATURE, ATTESTATION = Signed(KeyFile("cosign.pub")), Signed(KeyFile("cosign.pub"), SLSA)
OLD_FORM = ("--new-bundle-format=false", "--use-signing-config=false", "--tlog-upload=false")

Cosign = Callable[..., None]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    with running_registry(tmp_path_factory.mktemp("signed")) as running:
        yield running


@pytest.fixture
def cosign(tmp_path: Path) -> Cosign:
    """Return what runs cosign where two key pairs are, without any service of Sigstore's."""
    binary = program("cosign")
    variables = {**os.environ, "HOME": str(tmp_path), "COSIGN_PASSWORD": ""}
    (tmp_path / "offline.json").write_text(
        json.dumps({"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json"})
    )

    def run(*words: str) -> None:
        command = [str(binary), *words]
        done = subprocess.run(
            command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"

    for name in ("cosign", "other"):
        run("generate-key-pair", f"--output-key-prefix={name}")
    return run


def forms(form: str) -> tuple[str, ...]:
    return OLD_FORM if form == "tag" else ("--signing-config=offline.json",)


@pytest.mark.parametrize("form", ["bundle", "tag"])
def test_what_cosign_signs_and_attests_counts_and_nothing_else(
    registry: RealRegistry, cosign: Cosign, tmp_path: Path, form: str
) -> None:
    repository = f"team/{form}"
    digest = registry.push(repository, "a" * 40)
    other = registry.push(repository, "b" * 40, "application/vnd.oci.image.index.v1+json")
    name = f"{registry.address}/{repository}"
    (tmp_path / "provenance.json").write_text("{}")

    def told(wanted: Signed, key: str = "cosign.pub", of: str = digest) -> bool:
        with closing(Registries({}, {"HOME": str(tmp_path)})) as registries:
            image = ImageRef(name, "a" * 40, of)
            return Vouched(lambda: registries)(image, wanted, (tmp_path / key).read_bytes()).good

    assert not told(SIGNATURE)
    common = ("--key=cosign.key", "--yes", *forms(form))
    cosign("attest", *common, "--predicate=provenance.json", f"--type={SLSA}", f"{name}@{digest}")
    assert told(ATTESTATION)
    assert not told(SIGNATURE), "an attestation is no signature"
    assert not told(ATTESTATION, "other.pub")

    cosign("sign", *common, f"{name}@{digest}")
    assert told(SIGNATURE)
    assert not told(SIGNATURE, "other.pub")
    assert not told(SIGNATURE, of=other)
    cosign("sign", *common, f"{name}@{other}")
    assert told(SIGNATURE, of=other), "an index of several platforms, too"
