"""Secrets that SOPS encrypted, on the real API server: applied, compared, restored, never shown."""

from __future__ import annotations

import os
from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.live import Live
from tests.cli.manifested import actions, config_map, record, states
from tests.testbed import sops
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
    assert missing[f"{place}/b.yaml:1"].startswith("secret/locked no key here decrypts it")
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
