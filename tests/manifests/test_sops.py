"""Files that SOPS encrypted: what is told without a key, and how they are decrypted in memory."""

from __future__ import annotations

import json
import os
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gitops_cli.domain.errors import ConfigurationError, GitOpsError, InvalidState
from gitops_cli.domain.manifests.objects import Manifest, plain_secrets
from gitops_cli.domain.manifests.rendered import Rendered
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.stages import Place
from gitops_cli.manifests.rendering import ToRender, render
from gitops_cli.manifests.sealed import open_all
from gitops_cli.manifests.sops import decrypt
from tests.testbed import sops
from tests.testbed.sops import as_yaml, sealed, starts

HERE = "shop-dev/manifests"
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "db"},
    "stringData": {"password": "hunter2"},
}


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the stand-in for sops on PATH; return its notes."""
    found = sops.install(tmp_path / "tools")
    monkeypatch.setenv("PATH", f"{tmp_path / 'tools'}:{os.environ['PATH']}")
    return found


def rendered(files: Mapping[str, str], *, keys: bool = True) -> Rendered:
    def read(directory: str) -> dict[str, bytes]:
        return {p: text.encode() for p, text in files.items() if p.startswith(f"{directory}/")}

    place = Place(EnvironmentName("shop-dev"), "shop", "dev")
    return render(ToRender(place, HERE), read, decrypt=decrypt if keys else None)


def of(*documents: Mapping[str, Any], name: str = "db.yaml", keys: bool = True) -> Rendered:
    return rendered({f"{HERE}/{name}": as_yaml(*documents)}, keys=keys)


def opened(found: Rendered) -> dict[str, Any]:
    """Return the values of the only object."""
    [one] = open_all(found.objects)
    assert isinstance(one, Manifest), one
    assert not one.closed
    return {key: b64decode(value).decode() for key, value in one.content["data"].items()}


def error(found: Rendered) -> GitOpsError:
    [one] = open_all(found.objects)
    assert isinstance(one, GitOpsError)
    return one


def test_what_tells_what_it_is_needs_no_key_until_it_is_applied(notes: Path) -> None:
    found = of(sealed(SECRET))

    [one] = found.objects
    assert (str(one.id), one.closed, found.findings) == ("secret/db", True, ())
    assert starts(notes) == []
    assert opened(found) == {"password": "hunter2"}
    assert len(starts(notes)) == 1


def test_the_digest_is_that_of_what_stands_in_the_repository(notes: Path) -> None:
    one, same, other = (
        of(sealed(document)).objects[0]
        for document in (SECRET, SECRET, SECRET | {"stringData": {"password": "hunter3"}})
    )
    [before, after] = [one, *open_all([one])]
    assert isinstance(after, Manifest)
    assert before.digest == same.digest == after.digest != other.digest
    plain = of(SECRET).objects[0]
    assert plain.digest != one.digest, "nobody finds the password by trying"
    assert of(sealed(SECRET, key="age1other")).objects[0].digest == one.digest
    assert of(sealed(SECRET, mac="other")).objects[0].digest != one.digest


@pytest.mark.parametrize("name", ["db.yaml", "db.json"])
def test_a_file_that_is_encrypted_as_a_whole_is_decrypted_at_once(name: str, notes: Path) -> None:
    document = sealed(SECRET, only=tuple(SECRET))
    text = json.dumps(document) if name.endswith(".json") else as_yaml(document)

    found = rendered({f"{HERE}/{name}": text})

    assert [str(one.id) for one in found.objects] == ["secret/db"]
    assert opened(found) == {"password": "hunter2"}
    [(words, _, _)] = starts(notes)
    assert words[-2:] == [name.rpartition(".")[2], "/dev/stdin"]
    without = rendered({f"{HERE}/{name}": text}, keys=False)
    assert (without.objects, without.errors) == ((), ()), "`validate` has no key, and no complaint"


def test_a_generated_value_may_be_a_file_of_several_documents(notes: Path) -> None:
    text = as_yaml(sealed({"a": "hunter2"}, only=("a",)), sealed({"b": "hunter3"}, only=("b",)))
    generator = "secretGenerator: [{name: db, files: [k=two.yaml]}]\n"

    found = rendered({f"{HERE}/kustomization.yaml": generator, f"{HERE}/two.yaml": text})

    value = opened(found)["k"]
    assert "hunter2" in value
    assert "hunter3" in value
    assert "ENC[" not in value


def test_documents_of_one_file_are_decrypted_once_and_keep_their_lines(notes: Path) -> None:
    more = SECRET | {"metadata": {"name": "more"}, "stringData": {"token": "abc"}}
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a"},
        "data": {"a": "1"},
    }

    found = of(sealed(SECRET), sealed(config, only=()), sealed(more))

    assert [(str(o.id), o.closed) for o in found.objects] == [
        ("secret/db", True),
        ("configmap/a", False),
        ("secret/more", True),
    ]
    assert "sops" not in found.objects[1].content
    answers = open_all(found.objects)
    assert all(isinstance(one, Manifest) and not one.closed for one in answers)
    assert [one.line for one in answers if isinstance(one, Manifest)] == [1, 13, 25]
    assert len(starts(notes)) == 1


def test_the_program_finds_keys_and_nothing_else(
    notes: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", "/home/ada/age.txt")
    for name in ("AWS_SECRET_ACCESS_KEY", "VAULT_TOKEN", "GITHUB_TOKEN", "SOPS_AGE_KEY_CMD"):
        monkeypatch.setenv(name, "s3cret")
    monkeypatch.delenv("GNUPGHOME", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr("sys.platform", "linux")

    opened(of(sealed(SECRET)))

    [(words, environment, beside)] = starts(notes)
    assert words[:2] == ["--config", os.devnull]
    assert beside == []
    assert "s3cret" not in environment.values()
    assert environment["SOPS_AGE_KEY_FILE"] == "/home/ada/age.txt"
    assert environment["GNUPGHOME"] == "/home/ada/.gnupg"
    assert environment["XDG_CONFIG_HOME"] == "/home/ada/.config"
    assert not environment["HOME"].startswith("/home/ada")
    assert environment["HTTPS_PROXY"].startswith("http://127.0.0.1:")
    assert "hunter2" not in " ".join(words)


@pytest.mark.parametrize(
    ("kind", "entry", "variables", "asked"),
    [
        ("hc_vault", {"vault_address": "https://v.example.com"}, {}, False),
        (
            "hc_vault",
            {"vault_address": "https://evil.example.net"},
            {"VAULT_ADDR": "https://v.example.com", "VAULT_TOKEN": "t"},
            False,
        ),
        (
            "hc_vault",
            {"vault_address": "https://v.example.com"},
            {"VAULT_ADDR": "https://v.example.com/", "VAULT_TOKEN": "t"},
            True,
        ),
        ("azure_kv", {"vault_url": "https://evil.example"}, {"AZURE_TENANT_ID": "x"}, False),
        ("azure_kv", {"vault_url": "https://a.vault.azure.net"}, {"AZURE_TENANT_ID": "x"}, True),
        ("kms", {"arn": "arn:aws:kms:eu-west-1:1:key/a-b"}, {"AWS_PROFILE": "p"}, True),
        ("kms", {"arn": "arn:aws:kms:x.evil.example/:1:key/a"}, {"AWS_PROFILE": "p"}, False),
        ("gcp_kms", {"resource_id": "projects/p/locations/l"}, {}, False),
        ("hckms", {"key_id": "r:u"}, {}, False),
    ],
)
def test_a_key_service_is_asked_only_where_the_user_has_it(
    kind: str,
    entry: dict[str, str],
    variables: dict[str, str],
    asked: bool,
    notes: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("VAULT_ADDR", "VAULT_TOKEN", "AWS_PROFILE", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    document = sealed(SECRET) | {"sops": {kind: [entry], "mac": "good"}}
    beside = sealed(SECRET)
    beside["sops"][kind] = [entry]

    if asked:
        assert opened(of(document)) == {"password": "hunter2"}
        [(_, environment, _)] = starts(notes)
        assert variables.items() <= environment.items()
        assert "HTTPS_PROXY" not in environment or "127.0.0.1:9" not in environment["HTTPS_PROXY"]
        return
    refused = error(of(document))
    assert "may not be asked from here" in refused.message
    assert (kind in refused.message, bool(refused.hint)) == (True, True)
    assert starts(notes) == []
    assert opened(of(beside)) == {"password": "hunter2"}, "by its age key"
    [(_, environment, _)] = starts(notes)
    assert "127.0.0.1:9" in environment["HTTPS_PROXY"]
    assert not {"VAULT_TOKEN", "AWS_PROFILE", "AZURE_TENANT_ID"} & environment.keys()


def test_why_it_cannot_be_decrypted(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_key = error(of(sealed(SECRET, key=sops.NO_KEY)))
    assert isinstance(no_key, ConfigurationError)
    assert no_key.message == (
        f"{HERE}/db.yaml: no key here decrypts it; it is encrypted for {sops.NO_KEY}"
    )
    changed = error(of(sealed(SECRET, mac="bad")))
    assert isinstance(changed, InvalidState)
    assert "was changed since it was encrypted" in changed.message
    [finding] = of(sealed(SECRET, only=tuple(SECRET), mac="bad")).findings
    assert finding.where == f"{HERE}/db.yaml:1"
    assert "was changed since it was encrypted" in finding.message
    monkeypatch.setenv("PATH", "/nowhere")
    missing = error(of(sealed(SECRET)))
    assert "`sops` is not on PATH" in missing.message
    assert "https://github.com/getsops/sops" in str(missing.hint)


def test_one_that_is_no_secret_or_becomes_another_is_refused(notes: Path) -> None:
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a"},
        "data": {"a": "1"},
    }
    [finding] = of(sealed(config)).findings
    assert "is encrypted with SOPS, and is no Secret" in finding.message
    broken = sealed(SECRET | {"stringData": {"password": "a: [\n"}})
    assert "is no YAML" in error(of(broken)).message
    assert "a: [" not in error(of(broken)).message


def test_values_that_stayed_readable_are_found(notes: Path) -> None:
    half = sealed(SECRET | {"data": {"user": "YWRh"}}, only=("stringData",))
    [finding] = plain_secrets(of(half, keys=False).objects)
    assert "SOPS left user readable" in finding.message
    assert list(plain_secrets(of(sealed(SECRET), keys=False).objects)) == []
    forged = SECRET | {"sops": {"mac": "x"}}
    [finding] = plain_secrets(of(forged, keys=False).objects)
    assert finding.rule == "plain-secret"
    assert starts(notes) == []
