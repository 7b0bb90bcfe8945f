"""Secrets that SOPS encrypted, on the real API server: applied, compared, restored, never shown."""

from __future__ import annotations

import os
import re
from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.manifests.encrypting import rules_of
from tests.cli.live import NEW, Live, image
from tests.cli.manifested import actions, config_map, record, states
from tests.testbed import sops
from tests.testbed.git import git
from tests.testbed.gitops import Ran
from tests.testbed.manifests import deployment
from tests.testbed.sops import sealed, starts

HIDDEN = b64encode(b"hunter2").decode()


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return sops.install(tmp_path / "tools")


@pytest.fixture
def live(live: Live, tmp_path: Path, notes: Path) -> Live:
    """Return the environment with the stand-in for sops on PATH."""
    path = f"{tmp_path / 'tools'}:{os.environ['PATH']}"
    return replace(live, gitops=live.gitops.using(PATH=path))


def secret(name: str = "db", /, **texts: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "stringData": texts,
    }


def test_what_is_encrypted_is_applied_and_never_shown(live: Live, notes: Path) -> None:
    record(live, config_map(a="1"), sealed(secret(password="hunter2")))

    shown = live.diff()
    assert shown.code == 1
    assert "password" in shown.stdout
    assert actions(live) == {"ConfigMap/web": "created", "Secret/db": "created"}

    found = live.kube.get("Secret", live.namespace, "db")
    assert found["data"] == {"password": HIDDEN}
    said = [shown, live.diff("-o", "json").ok(), live.sync("-v").ok()]
    for text in (done.stdout + done.stderr for done in said):
        assert not {word for word in ("hunter2", HIDDEN, "ENC[") if word in text}
    assert len(starts(notes)) == 2, "once it is as it was applied, nobody decrypts it"
    record(live, config_map(a="1"), sealed(secret(password="hunter3")))
    assert states(live) == {"ConfigMap/web": "in-sync", "Secret/db": "differs"}


def test_one_without_a_key_stops_no_other(live: Live) -> None:
    nobodys = sealed(secret("locked", password="x"), key=sops.NO_KEY)
    files = {"a": config_map(a="1"), "b": nobodys, "c": sealed(secret(password="y"), mac="bad")}
    live.record(
        {f"/{live.namespace}/manifests/{k}.yaml": sops.as_yaml(v) for k, v in files.items()}
    )

    done = live.sync()

    assert done.code == 2
    assert live.kube.get("ConfigMap", live.namespace, "web")["data"] == {"a": "1"}
    assert f"no key here decrypts it; it is encrypted for {sops.NO_KEY}" in done.stdout
    assert "was changed since it was encrypted" in done.stdout
    checked = live.gitops("restore", live.namespace, "--check", "-o", "json")
    assert checked.code == 1
    missing = {lack["where"]: lack["what"] for lack in checked.json()["missing"]}
    place = f"{live.namespace}/manifests"
    assert missing[f"{place}/b.yaml:1"].startswith("secret/locked: no key here decrypts it")
    assert "was changed" in missing[f"{place}/c.yaml:1"]
    plain = live.gitops.using(PATH="/usr/bin:/bin")
    assert "secret/db" not in plain("validate").stdout, "no key is needed for that"


def test_a_rehearsal_has_the_values_too(live: Live) -> None:
    record(live, sealed(secret(password="hunter2")))
    target = f"{live.namespace}-lost"
    try:
        live.gitops("restore", live.namespace, "--to-namespace", target).ok()
        assert live.kube.get("Secret", target, "db")["data"] == {"password": HIDDEN}
    finally:
        live.kube.empty_namespace(target)


def test_environments_are_compared_by_their_values(live: Live) -> None:
    record(live, sealed(secret(password="hunter2", user="ada")))
    other = f"{live.namespace}-b"
    text = sops.as_yaml(sealed(secret(password="hunter2", user="eve"), mac="good"))
    live.record(
        {"images_path": "r.example.com/", "/" + f"{other}/manifests/a.yaml": text},
        environment=other,
    )

    done = live.gitops("diff", "--envs", live.namespace, other, "-o", "json")

    assert done.code == 1
    [one] = done.json()["objects"]
    assert [change["path"] for change in one["patch"]] == ["/data/user"]


def test_sealed_and_external_secrets_are_objects_like_others(live: Live) -> None:
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"sealedsecrets.{live.namespace}.example.com"},
        "spec": {
            "group": f"{live.namespace}.example.com",
            "scope": "Namespaced",
            "names": {"kind": "SealedSecret", "plural": "sealedsecrets"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "x-kubernetes-preserve-unknown-fields": True,
                        }
                    },
                }
            ],
        },
    }
    one = {
        "apiVersion": f"{live.namespace}.example.com/v1",
        "kind": "SealedSecret",
        "metadata": {"name": "db"},
        "spec": {"encryptedData": {"password": "AgBx"}},
    }
    record(live, definition, one)
    try:
        done = actions(live)
        assert done["SealedSecret/db"] == "created"
        assert set(states(live).values()) == {"in-sync"}
        live.gitops("validate").ok()
    finally:
        base = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        live.kube.request("DELETE", f"{base}/sealedsecrets.{live.namespace}.example.com")


AGE = "age1" + "q" * 58


def capture(live: Live, *options: str) -> tuple[Ran, dict[str, str]]:
    """Capture the namespace; return how it went, and the files of Secrets by name."""
    done = live.gitops("capture", live.namespace, "--manifests", "--yes", *options)
    git(live.clone, "pull", "-q")
    found = (live.clone / live.namespace / "manifests").glob("*secret*")
    return done, {path.name: path.read_text() for path in found}


def in_use(live: Live) -> None:
    """Let a Deployment run that needs a Secret."""
    made = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}}
    live.kube.create(made | {"data": {"password": HIDDEN}}, live.namespace)
    token = made | {"metadata": {"name": "sh.helm.release.v1.web.v1"}, "type": "helm.sh/release.v1"}
    live.kube.create(token, live.namespace)
    web = deployment("web", image("web", NEW))
    [container] = web["spec"]["template"]["spec"]["containers"]
    container["envFrom"] = [{"secretRef": {"name": "db"}}]
    live.kube.create(web, live.namespace)


def test_a_capture_says_which_secrets_it_leaves_out(live: Live, notes: Path) -> None:
    in_use(live)

    done, files = capture(live)

    assert done.ok()
    assert files == {}
    assert "pods need Secrets that are left out: db; --secrets sops keeps them" in done.stderr
    for options in (["--secrets", "sops"], ["--secrets", "references"], ["--age", AGE]):
        refused = live.gitops("capture", live.namespace, "--manifests", *options)
        assert refused.code == 2, options
    assert starts(notes) == []


def test_a_capture_keeps_secrets_encrypted_and_the_same_stay(live: Live) -> None:
    in_use(live)

    done, files = capture(live, "--secrets", "sops", "--age", AGE)

    assert "left out: db" not in done.ok().stderr
    assert list(files) == ["secret-db.yaml"], "what Helm noted is Helm's"
    assert HIDDEN not in files["secret-db.yaml"]
    assert AGE in files["secret-db.yaml"]
    again, same = capture(live, "--secrets", "sops", "--age", "age1" + "p" * 58)
    assert again.ok()
    assert same == files, "the values are the same"
    live.kube.patch("Secret", live.namespace, "db", {"data": {"password": "b3RoZXI="}})
    live.record({"/.sops.yaml": f"creation_rules: [{{age: {AGE}}}]"})
    _, changed = capture(live, "--secrets", "sops")
    assert changed != files
    assert AGE in changed["secret-db.yaml"]


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ("creation_rules: [{hc_vault_transit_uri: 'https://evil.example'}]", "hc_vault"),
        ("creation_rules: [{age: age1evil1qqqqqqqqqqqqqqq}]", "is no key of age"),
        ("stores: {}", "has no creation_rules"),
        ("a: [", ".sops.yaml:"),
    ],
)
def test_rules_of_the_repository_run_and_fetch_nothing(rules: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(told)):
        rules_of(rules.encode())


def test_a_capture_keeps_references(live: Live) -> None:
    in_use(live)

    done, files = capture(live, "--secrets", "references", "--store", "ClusterSecretStore/vault")

    assert done.ok()
    [(name, text)] = files.items()
    assert name == "externalsecret-db.yaml"
    spec = yaml.safe_load(text)["spec"]
    assert spec["secretStoreRef"] == {"kind": "ClusterSecretStore", "name": "vault"}
    assert [one["secretKey"] for one in spec["data"]] == ["password"]
    assert HIDDEN not in text
