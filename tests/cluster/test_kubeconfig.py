"""What kubeconfigs mean: by example, and held against the kubernetes package's own reading."""

from __future__ import annotations

import base64
import copy
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from kubernetes import client, config
from kubernetes.config.incluster_config import InClusterConfigLoader

from gitops_cli.cluster.identity import Identity
from gitops_cli.cluster.kubeconfig import Access, Pem, find_access, in_cluster
from gitops_cli.cluster.site import site_of
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
    assert _ours(ours) == _theirs(file)


def _ours(access: Access) -> dict[str, Any]:
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


def _theirs(file: Path | str, context: str | None = None) -> dict[str, Any]:
    settings = client.Configuration()
    config.load_kube_config(str(file), context, client_configuration=settings)
    return _read(settings)


def _read(settings: Any) -> dict[str, Any]:
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
    assert named.ca == Pem(path=tmp_path / "b" / "ca"), "relative to the file it stands in"
    (tmp_path / "b" / "ca").write_bytes(CA)
    for context in ("one", "two"):
        ours = find_access(context, environment=variables)
        assert _ours(ours) == _theirs(variables["KUBECONFIG"], context)


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


POD = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}


def test_a_pods_own_account(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("mine")
    access = in_cluster(POD, tmp_path)
    assert access.server == "https://10.96.0.1:443"
    assert access.context is None
    assert access.token_file == tmp_path / "token"
    assert access.ca == Pem(path=tmp_path / "ca.crt")
    six = in_cluster(POD | {"KUBERNETES_SERVICE_HOST": "fd00::1"}, tmp_path)
    assert six.server == "https://[fd00::1]:443"


@pytest.mark.parametrize("host", ["10.96.0.1", "fd00::1", "kubernetes.default.svc"])
def test_a_pods_own_account_is_the_same_to_the_kubernetes_package(
    host: str, tmp_path: Path
) -> None:
    variables = POD | {"KUBERNETES_SERVICE_HOST": host}
    (tmp_path / "token").write_text("mine")
    (tmp_path / "ca.crt").write_bytes(CA)
    settings = client.Configuration()
    loader = InClusterConfigLoader(
        token_filename=str(tmp_path / "token"),
        cert_filename=str(tmp_path / "ca.crt"),
        environ=variables,
    )
    loader.load_and_set(settings)
    assert _ours(in_cluster(variables, tmp_path)) == _read(settings)


def test_a_pod_without_an_account_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="in a pod without"):
        find_access(environment=POD | {"HOME": str(tmp_path)})


def test_a_kubeconfig_in_a_pod_is_preferred(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path / "config", user={"token": "t"})
    assert find_access(environment=POD | {"KUBECONFIG": str(file)}).token == "t"


def document(cluster: str = "", user: str = "{}") -> str:
    """Return a kubeconfig whose one cluster and user are this YAML."""
    named = f"clusters: [{{name: c, cluster: {cluster}}}]" if cluster else "clusters: []"
    return f"""
current-context: x
contexts: [{{name: x, context: {{cluster: c, user: u}}}}]
{named}
users: [{{name: u, user: {user}}}]
"""


GOOD = "{server: 'https://x'}"
BOMB = "a0: &a0 [[x, x]]\n" + "".join(
    f"a{i}: &a{i} [[{', '.join([f'*a{i - 1}'] * 9)}]]\n" for i in range(1, 20)
)
BROKEN: dict[str, tuple[str, str]] = {
    "not yaml": ("{", "config:2: not YAML"),
    "no mapping": ("- a", "is not a kubeconfig"),
    "no current context": ("{}", "no current context"),
    "no such context": ("current-context: x", "no context `x`"),
    "no such cluster": (document(), "no cluster `c`, which context `x` names"),
    "no server": (document("{}"), "has no https URL"),
    "another protocol": (document("{server: 'ftp://x'}"), "has no https URL"),
    "nameless": ("contexts: [{}]", "has no name"),
    "another type": (
        document(GOOD, "{token: 1}"),
        "users[0].user.token: must be a text, not a number; put it in quotes",
    ),
    "several types": (
        document(GOOD, "{as-groups: [a, {}]}"),
        "as-groups[1]: must be a text, not a",
    ),
    "extra": (document(GOOD, "{as-user-extra: {k: v}}"), "as-user-extra.k: must be a list, not a"),
    "environment": (document(GOOD, "{exec: {env: [a]}}"), "exec.env[0]: must be a mapping, not a"),
    "clusters": ("clusters: 5", "clusters: must be a list, not a number"),
    "a name twice": ("users: [{name: u}, {name: u}]", "users: `u` stands there twice"),
    "deep": ("a: " + "[" * 100_000, "config:1: nested too deeply"),
    "deep in blocks": ("- " * 100_000, "config:1: nested too deeply"),
    "aliases": (BOMB, "too many values"),
    "merged aliases": (BOMB.replace("[[", "{<<: [").replace("]]", "]}"), "too many values"),
    "an alias of itself": ("a: &a {<<: *a}", "an alias of nothing"),
    "not UTF-8": ("a: \udcff", "not YAML: unacceptable character"),
    "another kind": ("kind: Pod", "is a v1 Pod, no kubeconfig"),
    "no scheme": (document("{server: '10.1.2.3:6443'}"), "has no https URL"),
    "brackets": (document("{server: 'https://['}"), "cluster.server: is no URL"),
    "port": (document("{server: 'https://x:99999'}"), "cluster.server: is no URL"),
    "host": (document("{server: 'https://a b'}"), "cluster.server: is no URL"),
    "server name": (
        document("{server: 'https://x', tls-server-name: .x}"),
        "not the name of a host",
    ),
    "proxy": (
        document("{server: 'https://x', proxy-url: 'ftp://x'}"),
        "proxy-url: a proxy is a URL",
    ),
    "two logins": (document(GOOD, "{token: t, username: u}"), "has both a token and a user name"),
    "groups of nobody": (document(GOOD, "{as-groups: [a]}"), "without a user (`as`)"),
    "no command": (document(GOOD, "{exec: {}}"), "users[0].user.exec: has no command"),
    "not base64": (
        document("{server: 'https://x', certificate-authority-data: a}"),
        "is not base64",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_one_error_that_names_it(case: str, tmp_path: Path) -> None:
    text, message = BROKEN[case]
    file = tmp_path / "config"
    file.write_text(text, errors="surrogateescape")
    with pytest.raises(ConfigurationError, match="config") as raised:
        find_access(kubeconfig=file, environment={})
    assert message in raised.value.message


def test_a_file_without_an_end_is_not_read_to_it() -> None:
    with pytest.raises(ConfigurationError, match="is larger than 16 MiB"):
        find_access(kubeconfig=Path("/dev/zero"), environment={})


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    directory = kubeconfig(tmp_path / "closed" / "config").parent
    assert "config: Is a directory" not in str(find_access(kubeconfig=directory / "config"))
    with pytest.raises(ConfigurationError, match="closed: Is a directory"):
        find_access(kubeconfig=directory, environment={})
    with pytest.raises(ConfigurationError, match="File name too long"):
        find_access(kubeconfig=tmp_path / ("x" * 300), environment={})


_LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just("https://x")
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)
_RICH = {
    "current-context": "x",
    "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "extensions": []}}],
    "clusters": [{"name": "c", "cluster": {"server": "https://x:1/p", "proxy-url": "http://p:1"}
        | {"tls-server-name": "n", "certificate-authority-data": "YQ=="}
        | {"extensions": [{"name": "client.authentication.k8s.io/exec", "extension": {"a": 1}}]}}],
    "users": [{"name": "u", "user": {"as": "j", "as-uid": "1", "as-groups": ["g"]}
        | {"as-user-extra": {"a/b": ["c"]}, "client-certificate-data": "YQ==", "client-key": "k"}
        | {"auth-provider": {"name": "oidc", "config": {"id-token": "t"}}, "tokenFile": "t"}
        | {"exec": {"command": "./x", "apiVersion": V1, "interactiveMode": "Never", "args": ["a"]}
           | {"env": [{"name": "A", "value": "b"}], "provideClusterInfo": True}}}],
}  # fmt: skip


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    below = [_places(item, (*path, key)) for key, item in inner if isinstance(item, (dict, list))]
    keys = value if isinstance(value, dict) else range(len(value))
    return [(*path, key) for key in keys] + [place for places in below for place in places]


@given(st.lists(st.tuples(st.sampled_from(_places(_RICH)), _VALUES), min_size=1, max_size=3))
def test_any_value_anywhere_is_an_access_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[tuple[Any, ...], Any]]
) -> None:
    content = copy.deepcopy(_RICH)
    for place, value in changes:
        inner: Any = content
        try:
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = value
        except (TypeError, LookupError):
            continue  # an earlier change has taken the place away
    file = tmp_path_factory.getbasetemp() / "any"
    file.write_text(yaml.safe_dump(content))
    try:
        access = find_access(kubeconfig=file, environment={})
        site_of(replace(access, ca=None, certificate=None))
        Identity(access)()
    except ConfigurationError:
        pass  # anything else would be a bug


def test_no_message_has_a_value(tmp_path: Path) -> None:
    file = tmp_path / "config"
    for user in ("{token: [S3CR3T]}", "{token: {S3CR3T: 1}}", "{exec: S3CR3T}", "[S3CR3T]"):
        file.write_text(document(GOOD, user))
        with pytest.raises(ConfigurationError) as raised:
            find_access(kubeconfig=file, environment={})
        assert "S3CR3T" not in f"{raised.value}{raised.value.hint}"


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

    assert raised.value.hint == "did you mean prod-eu?"
