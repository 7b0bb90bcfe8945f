"""What kubeconfigs mean: by example, and held against the kubernetes package's own reading."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config

from gitops_cli.cluster.kubeconfig import Access, PemSource, find_access
from gitops_cli.domain.errors import ConfigurationError

V1 = "client.authentication.k8s.io/v1"
CA, CERTIFICATE, KEY = b"ca\n", b"certificate\n", b"key\n"


def data(content: bytes) -> str:
    return base64.b64encode(content).decode()


def kubeconfig(
    file: Path,
    *,
    cluster: Mapping[str, Any] | None = None,
    user: Mapping[str, Any] | None = None,
    name: str = "one",
    **top: Any,
) -> Path:
    """Write a kubeconfig with one cluster, user and context of the same name."""
    file.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {"server": "https://one.example:6443"} | dict(cluster or {})}
        ],
        "users": [{"name": name, "user": dict(user or {})}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    file.write_text(yaml.safe_dump(content | top))
    return file


def files(directory: Path) -> None:
    (directory / "pki").mkdir(exist_ok=True)
    for name, content in (("ca", CA), ("crt", CERTIFICATE), ("key", KEY), ("token", b"from-file")):
        (directory / "pki" / name).write_bytes(content)


CORPUS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "bare": ({}, {}),
    "trailing slash": ({"server": "https://one.example/"}, {}),
    "path": ({"server": "https://one.example/k8s/clusters/c-1"}, {}),
    "http": ({"server": "http://one.example:8080"}, {}),
    "ipv6": ({"server": "https://[::1]:6443"}, {}),
    "ca data": ({"certificate-authority-data": data(CA)}, {}),
    "ca file": ({"certificate-authority": "pki/ca"}, {}),
    "data before file": (
        {"certificate-authority": "pki/absent", "certificate-authority-data": data(CA)},
        {},
    ),
    "insecure": ({"insecure-skip-tls-verify": True}, {}),
    "server name": ({"tls-server-name": "other.example"}, {}),
    "token": ({}, {"token": "secret"}),
    "token file": ({}, {"tokenFile": "pki/token"}),
    "certificate data": (
        {},
        {"client-certificate-data": data(CERTIFICATE), "client-key-data": data(KEY)},
    ),
    "certificate files": ({}, {"client-certificate": "pki/crt", "client-key": "pki/key"}),
    "mixed": ({}, {"client-certificate": "pki/crt", "client-key-data": data(KEY)}),
    "everything": (
        {"certificate-authority": "pki/ca", "tls-server-name": "x.example"},
        {"token": "secret", "client-certificate": "pki/crt", "client-key": "pki/key"},
    ),
}


@pytest.mark.parametrize("case", CORPUS)
def test_the_same_as_the_kubernetes_package_reads(case: str, tmp_path: Path) -> None:
    cluster, user = CORPUS[case]
    files(tmp_path)
    file = kubeconfig(tmp_path / "config", cluster=cluster, user=user)
    ours = find_access(kubeconfig=file, environment={})
    assert ours.beyond == ()
    assert as_we_do(ours) == theirs(file)


def as_we_do(access: Access) -> dict[str, Any]:
    token = access.token
    if access.token_file is not None:
        token = access.token_file.read_text()
    secure = access.server.startswith("https")
    return {
        "host": access.server,
        "verify": access.verify,
        "ca": access.ca.read() if access.ca and secure else None,
        "certificate": access.certificate.read() if access.certificate and secure else None,
        "key": access.key.read() if access.key and secure else None,
        "server_name": access.server_name,
        "token": token or None,
    }


def theirs(file: Path | str, context: str | None = None) -> dict[str, Any]:
    settings = client.Configuration()
    config.load_kube_config(str(file), context, client_configuration=settings)
    return read_by_theirs(settings)


def read_by_theirs(settings: Any) -> dict[str, Any]:
    header = settings.api_key.get("BearerToken") or settings.api_key.get("authorization")

    def content(path: str | None) -> bytes | None:
        return Path(path).read_bytes() if path else None

    return {
        "host": settings.host,
        "verify": settings.verify_ssl,
        "ca": content(settings.ssl_ca_cert),
        "certificate": content(settings.cert_file),
        "key": content(settings.key_file),
        "server_name": settings.tls_server_name,
        "token": header.partition(" ")[2] if header else None,  # it writes Bearer or bearer
    }


def test_of_several_files_the_first_that_names_something_wins(tmp_path: Path) -> None:
    first = kubeconfig(tmp_path / "a" / "config", user={"token": "first"})
    second = kubeconfig(
        tmp_path / "b" / "config",
        cluster={"server": "https://two.example", "certificate-authority": "ca"},
        user={"token": "second"},
        name="two",
    )
    shadow = kubeconfig(tmp_path / "c" / "config", user={"token": "shadowed"})
    variables = {
        "KUBECONFIG": os.pathsep.join(
            [str(tmp_path / "absent"), str(first), "", str(second), str(shadow)]
        )
    }
    current = find_access(environment=variables)
    assert (current.context, current.token) == ("one", "first")
    named = find_access("two", environment=variables)
    assert (named.server, named.token) == ("https://two.example", "second")
    assert named.ca == PemSource(path=tmp_path / "b" / "ca"), "relative to the file it stands in"
    (tmp_path / "b" / "ca").write_bytes(CA)
    for context in ("one", "two"):
        ours = find_access(context, environment=variables)
        assert as_we_do(ours) == theirs(variables["KUBECONFIG"], context)


def test_the_first_file_chooses_the_context_as_kubectl_has_it(tmp_path: Path) -> None:
    """The package lets the last one choose; kubectl documents the first."""
    merged = os.pathsep.join(
        str(kubeconfig(tmp_path / name, user={"token": name}, name=name)) for name in ("one", "two")
    )
    assert find_access(environment={"KUBECONFIG": merged}).context == "one"
    _, package = config.list_kube_config_contexts(merged)
    assert package["name"] == "two"


def test_the_home_directory_is_the_default(tmp_path: Path) -> None:
    kubeconfig(tmp_path / ".kube" / "config", user={"token": "home"})
    assert find_access(environment={"HOME": str(tmp_path)}).token == "home"


def test_impersonation_becomes_headers(tmp_path: Path) -> None:
    user = {
        "token": "t",
        "as": "jane",
        "as-uid": "7",
        "as-groups": ["dev", "ops"],
        "as-user-extra": {"reason": ["test"]},
    }
    access = find_access(kubeconfig=kubeconfig(tmp_path / "config", user=user), environment={})
    assert access.beyond == ()
    assert access.impersonate == (
        ("Impersonate-User", "jane"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Group", "dev"),
        ("Impersonate-Group", "ops"),
        ("Impersonate-Extra-reason", "test"),
    )


@pytest.mark.parametrize(
    ("user", "word"),
    [
        ({"exec": {"command": "x", "apiVersion": V1, "interactiveMode": "Never"}}, "exec"),
        ({"auth-provider": {"name": "oidc"}}, "auth-provider"),
    ],
)
def test_what_takes_a_login_is_named(user: dict[str, Any], word: str, tmp_path: Path) -> None:
    cluster = {"proxy-url": "http://proxy:3128"}
    file = kubeconfig(tmp_path / "config", cluster=cluster, user=user)
    assert find_access(kubeconfig=file, environment={}).beyond == (word,)


def test_what_an_access_holds_is_not_shown(tmp_path: Path) -> None:
    cluster = {"proxy-url": "http://me:S3CR3T@proxy:3128"}
    for user in (
        {"username": "me", "password": "S3CR3T"},
        {"auth-provider": {"name": "oidc", "config": {"refresh-token": "S3CR3T"}}},
        {"exec": {"command": "x", "apiVersion": V1, "interactiveMode": "Never"}
         | {"args": ["S3CR3T"], "env": [{"name": "A", "value": "S3CR3T"}]}},
    ):  # fmt: skip
        file = kubeconfig(tmp_path / "config", cluster=cluster, user=user)
        assert "S3CR3T" not in repr(find_access(kubeconfig=file, environment={}))


@pytest.mark.parametrize(
    ("server", "variables", "leads"),
    [
        ("https://one.example", {"HTTPS_PROXY": "http://p"}, True),
        ("https://one.example", {"https_proxy": "http://p"}, True),
        ("http://one.example", {"HTTP_PROXY": "http://p"}, True),
        ("https://one.example", {"ALL_PROXY": "http://p"}, False),
        ("https://one.example", {"HTTPS_PROXY": "http://p", "NO_PROXY": ".example"}, False),
        ("https://a.one.example", {"HTTPS_PROXY": "p:1", "NO_PROXY": "one.example"}, False),
        ("https://10.1.2.3", {"HTTPS_PROXY": "p:1", "no_proxy": "a,10.0.0.0/8"}, False),
        ("https://10.1.2.3", {"HTTPS_PROXY": "p:1", "NO_PROXY": "10.1.2.3:6443"}, True),
        ("https://10.1.2.3:6443", {"HTTPS_PROXY": "p:1", "NO_PROXY": "10.1.2.3:6443"}, False),
        ("https://[fd00::1]:6443", {"HTTPS_PROXY": "p:1", "NO_PROXY": "[fd00::1]:6443"}, False),
        ("https://[fd00::1]", {"HTTPS_PROXY": "p:1", "NO_PROXY": "fd00::/8"}, False),
        ("https://[::1]", {"HTTPS_PROXY": "p:1"}, False),
        ("https://one.example", {"HTTP_PROXY": "http://p"}, False),
        ("https://127.0.0.1:6443", {"HTTPS_PROXY": "http://p"}, False),
        ("https://localhost:6443", {"HTTPS_PROXY": "http://p"}, False),
    ],
)
def test_which_servers_a_proxy_of_the_environment_leads_to(
    server: str, variables: dict[str, str], leads: bool, tmp_path: Path
) -> None:
    file = kubeconfig(tmp_path / "config", cluster={"server": server})
    assert (find_access(kubeconfig=file, environment=variables).proxy is not None) is leads


@pytest.mark.parametrize("url", ["http://p:3128\n", "http://p:x", "ftp://p", "http://[p"])
def test_a_proxy_of_the_environment_that_is_none_is_named(url: str, tmp_path: Path) -> None:
    file = kubeconfig(tmp_path / "config", cluster={"server": "https://one.example"})
    with pytest.raises(ConfigurationError, match="HTTPS_PROXY of the environment: a proxy is"):
        find_access(kubeconfig=file, environment={"HTTPS_PROXY": url})


def test_nobody_knows_a_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container whose user has no name."""

    def unknown(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    with pytest.raises(ConfigurationError, match="no kubeconfig: HOME is not set"):
        find_access(environment={})
    with pytest.raises(ConfigurationError, match="does not exist"):
        find_access(environment={"KUBECONFIG": "~/config"})


def test_no_file_at_all(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"\.kube/config does not exist"):
        find_access(environment={"HOME": str(tmp_path)})
    with pytest.raises(ConfigurationError, match="nowhere does not exist"):
        find_access(kubeconfig=tmp_path / "nowhere", environment={})


def test_a_context_that_is_not_there_lists_those_that_are(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path / "config")
    with pytest.raises(ConfigurationError, match="no context `prod`") as raised:
        find_access("prod", file, {})
    assert raised.value.hint == "contexts: one"


def test_the_token_is_not_shown(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path / "config", user={"token": "secret"})
    assert "secret" not in repr(find_access(kubeconfig=file, environment={}))


def test_a_slip_in_a_context_is_answered_with_the_one_that_is_like_it(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(
        "contexts: [{name: prod-eu, context: {cluster: c}}, {name: lab, context: {}}]\n"
    )

    with pytest.raises(ConfigurationError, match="no context `prod-ue`") as raised:
        find_access("prod-ue", file, {})

    assert raised.value.hint == "did you mean `prod-eu`?"
