"""Manifests that the real `sops` encrypted, with age and PGP keys."""

from __future__ import annotations

import os
import subprocess
from base64 import b64decode
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from gitops_cli.domain.errors import ConfigurationError, GitOpsError
from gitops_cli.domain.manifests.objects import Manifest, plain_secrets
from gitops_cli.domain.manifests.rendered import Rendered
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.stages import Place
from gitops_cli.manifests.encrypting import encrypt, rules_for, rules_of
from gitops_cli.manifests.rendering import ToRender, render
from gitops_cli.manifests.sealed import open_all
from gitops_cli.manifests.sops import decrypt
from tests.testbed import controlplane
from tests.testbed.programs import program

pytestmark = [pytest.mark.node, pytest.mark.programs]

HERE = "shop-dev/manifests"
SECRET = """apiVersion: v1
kind: Secret
metadata:
  name: db
type: Opaque
stringData:
  password: hunter2
  "yes": "no"
  port: "0644"
"""
VALUES = {"password": "hunter2", "yes": "no", "port": "0644"}
VALUES_ALONE = ("--encrypted-regex", "^(data|stringData)$")


@pytest.fixture(autouse=True)
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the real programs be on PATH, and no key be at hand."""
    directory = tmp_path / "tools"
    directory.mkdir()
    (directory / "sops").symlink_to(program("sops"))
    (directory / "kubectl").symlink_to(controlplane.binary("kubectl"))
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("SOPS_AGE_KEY", "SOPS_AGE_KEY_FILE", "XDG_CONFIG_HOME", "GNUPGHOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def recipient(tmp_path: Path) -> str:
    """Make an age key, which nobody has yet; return for whom it is."""
    made = subprocess.run(["age-keygen"], capture_output=True, text=True, check=True).stdout
    (tmp_path / "age.txt").write_text(made)
    [public] = [line for line in made.splitlines() if line.startswith("# public key: ")]
    return public.rpartition(" ")[2]


@pytest.fixture
def age(recipient: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(tmp_path / "age.txt"))
    return recipient


@pytest.fixture
def pgp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Make a PGP key without a passphrase; return its fingerprint."""
    home = Path("/tmp") / f"gitops-sops-{os.getpid()}"  # a socket's path may not be long
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    words = ["gpg", "--batch", "--passphrase", "", "--quick-gen-key", "ada@example.com"]
    subprocess.run([*words, "rsa2048", "encr", "never"], check=True, capture_output=True)
    listed = subprocess.run(
        ["gpg", "--list-keys", "--with-colons"], capture_output=True, text=True, check=True
    ).stdout
    yield next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr"))
    subprocess.run(["gpgconf", "--kill", "all"], check=True)
    subprocess.run(["rm", "-rf", str(home)], check=True)


def encrypted(text: str, *options: str, form: str = "yaml") -> str:
    command = ["sops", "encrypt", *options, "--filename-override", f"x.{form}"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rendered(files: Mapping[str, str]) -> Rendered:
    def read(directory: str) -> dict[str, bytes]:
        below = {f"{HERE}/{name}": text.encode() for name, text in files.items()}
        return {path: data for path, data in below.items() if path.startswith(f"{directory}/")}

    place = Place(EnvironmentName("shop-dev"), "shop", "dev")
    return render(ToRender(place, HERE), read, decrypt=decrypt)


def values(found: Rendered) -> dict[str, str]:
    [one] = open_all(found.objects)
    assert isinstance(one, Manifest), one
    return {key: b64decode(value).decode() for key, value in one.content["data"].items()}


def error(found: Rendered) -> str:
    [one] = open_all(found.objects)
    assert isinstance(one, GitOpsError)
    return one.message


def test_values_are_decrypted_with_an_age_key(age: str) -> None:
    text = encrypted(SECRET, "--age", age, *VALUES_ALONE)

    found = rendered({"db.yaml": text})

    assert [one.closed for one in found.objects] == [True]
    assert values(found) == VALUES
    again = encrypted(SECRET, "--age", age, *VALUES_ALONE)
    assert rendered({"db.yaml": again}).objects[0].digest != found.objects[0].digest


def test_a_file_that_is_encrypted_as_a_whole_is_decrypted(age: str) -> None:
    assert values(rendered({"db.yaml": encrypted(SECRET, "--age", age)})) == VALUES
    json = (
        '{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"},'
        ' "stringData": {"password": "hunter2"}}'
    )
    text = encrypted(json, "--age", age, form="json")
    assert values(rendered({"db.json": text})) == {"password": "hunter2"}


def test_values_are_decrypted_with_a_pgp_key(pgp: str) -> None:
    assert values(rendered({"db.yaml": encrypted(SECRET, "--pgp", pgp, *VALUES_ALONE)})) == VALUES


def test_the_usual_file_of_age_keys_is_found(recipient: str, tmp_path: Path) -> None:
    text = encrypted(SECRET, "--age", recipient, *VALUES_ALONE)
    assert error(rendered({"db.yaml": text})) == (
        f"{HERE}/db.yaml: no key here decrypts it; it is encrypted for {recipient}"
    )
    usual = tmp_path / ".config" / "sops" / "age"
    usual.mkdir(parents=True)
    (tmp_path / "age.txt").rename(usual / "keys.txt")
    assert values(rendered({"db.yaml": text})) == VALUES


def test_a_changed_file_is_an_error_of_its_own(age: str) -> None:
    text = encrypted(SECRET, "--age", age, *VALUES_ALONE)
    changed = text.replace("type: Opaque", "type: Other")
    assert changed != text

    assert "was changed since it was encrypted" in error(rendered({"db.yaml": changed}))
    moved = text.replace("    port:", "    other:")
    assert "was changed since it was encrypted" in error(rendered({"db.yaml": moved}))


def test_a_kustomizations_secret_is_decrypted_after_it_was_rendered(age: str) -> None:
    files = {
        "kustomization.yaml": "namePrefix: x-\nresources: [db.yaml]\n",
        "db.yaml": encrypted(SECRET, "--age", age, *VALUES_ALONE),
    }

    found = rendered(files)

    assert [str(one.id) for one in found.objects] == ["secret/x-db"]
    assert values(found) == VALUES


@pytest.mark.parametrize(
    ("name", "form", "text", "value"),
    [
        ("db.json", "json", '{"password": "hunter2"}', '{\n\t"password": "hunter2"\n}\n'),
        ("db.yaml", "yaml", "password: hunter2\n", "password: hunter2\n"),
        ("both.yaml", "yaml", "a: hunter2\n---\nb: 2\n", "a: hunter2\n---\nb: 2\n"),
        ("db.env", "env", "A=hunter2\nB=2\n", "A=hunter2\nB=2\n"),
        ("key.pem", "pem", "hunter2\nof two lines\n", "hunter2\nof two lines\n"),
    ],
)
def test_a_secret_is_generated_from_encrypted_files_which_kustomize_never_sees_decrypted(
    age: str, name: str, form: str, text: str, value: str, tmp_path: Path
) -> None:
    secret = encrypted(text, "--age", age, form=form)
    assert "hunter2" not in secret
    long = f"files: [{name}, other=below/x.txt]"
    files = {
        "kustomization.yaml": f"secretGenerator: [{{name: db, {long}}}]\n",
        name: secret,
        "below/x.txt": encrypted("n" * 300, "--age", age, form="txt"),
    }

    found = rendered(files)

    [one] = found.objects
    assert one.closed
    assert not list(plain_secrets(found.objects))
    assert "hunter2" not in str(one.content)
    assert values(found) == {name: value, "other": "n" * 300}
    again = rendered(files | {name: encrypted(text, "--age", age, form=form)})
    assert again.objects[0].id.name != one.id.name, "its name is by the encrypted text"
    (tmp_path / "age.txt").unlink()
    assert error(found) == (f"{HERE}/{name}: no key here decrypts it; it is encrypted for {age}")


def test_an_encrypted_file_of_another_form_is_refused(age: str) -> None:
    generator = "secretGenerator: [{name: db, files: [a.ini]}]\n"
    secret = encrypted("[db]\npassword = hunter2\n", "--age", age, form="ini")

    with pytest.raises(ConfigurationError, match="its text would be the value"):
        rendered({"kustomization.yaml": generator, "a.ini": secret})


def test_what_is_readable_beside_encrypted_files_is_found(age: str) -> None:
    generator = "secretGenerator: [{name: db, files: [a.txt], literals: [b=2]}]\n"
    secret = encrypted("hunter2", "--age", age, form="txt")

    found = rendered({"kustomization.yaml": generator, "a.txt": secret})

    [finding] = plain_secrets(found.objects)
    assert "SOPS left b readable to everybody" in finding.message


def test_a_generated_secret_whose_file_was_changed_is_an_error(age: str) -> None:
    text = encrypted("A=1\nB=2\n", "--age", age, form="env")
    files = {"kustomization.yaml": "secretGenerator: [{name: db, files: [x.env]}]\n"}

    moved = text.replace("B=ENC", "C=ENC")

    assert "was changed since it was encrypted" in error(rendered({**files, "x.env": moved}))


def test_a_vault_of_the_files_choice_is_not_asked(
    age: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file has an age key that is not ours, and a Vault where a listener waits."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        text = encrypted(SECRET, "--age", age, *VALUES_ALONE)
        vault = (
            "sops:\n    hc_vault:\n        - vault_address: " + address + "\n"
            "          engine_path: transit\n          key_name: k\n"
            "          created_at: '2026-01-01T00:00:00Z'\n          enc: vault:v1:x\n"
        )
        monkeypatch.setenv("SOPS_AGE_KEY_FILE", "/nowhere")
        monkeypatch.setenv("VAULT_TOKEN", "s3cret")
        text = text.replace("sops:\n", vault)

        assert "no key here decrypts it" in error(rendered({"db.yaml": text}))

        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_a_capture_encrypts_for_the_rules_of_a_repository_and_of_a_person(
    age: str, pgp: str
) -> None:
    rules = (
        "creation_rules:\n"
        "  - path_regex: nowhere/\n    age: age1" + "q" * 58 + "\n"
        f"  - path_regex: ^{HERE}/\n    age: [{age}]\n    pgp: {pgp}\n"
    )
    for chosen in (rules_of(rules.encode()), rules_for([age])):
        text = encrypt(f"{HERE}/db.yaml", SECRET.encode(), chosen).decode()

        assert "hunter2" not in text
        assert "name: db" in text, "only values are hidden"
        assert values(rendered({"db.yaml": text})) == VALUES
    with pytest.raises(ConfigurationError, match="no matching creation rules"):
        encrypt("other/db.yaml", SECRET.encode(), rules_of(rules.encode()))
