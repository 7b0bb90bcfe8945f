"""Kubeconfigs, logins and proxies held against kubectl itself: who it asks, how, and as whom.

Each row is one kubeconfig. kubectl and we make one LIST with it; a server and two proxies record
what came. A row where we differ on purpose says so.
"""

from __future__ import annotations

import base64
import json
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from gitops_cli.cluster.connection import connect
from gitops_cli.domain.cluster.workload import Target
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Kind
from tests.cluster.recorder import Asked, Recorder, make_client_certificate
from tests.cluster.tunnel import SocksTunnel, Tunnel
from tests.testbed import controlplane
from tests.testbed.patience import PATIENCE

pytestmark = pytest.mark.sweep

PATH = "/apis/apps/v1/namespaces/shop-dev/deployments"
TOKEN = {"token": "t"}
V1, V1BETA1 = "client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"
HERE = {"server": "{tls}", "certificate-authority": "{ca}"}
AWAY = {"server": "https://shop.invalid:{port}", "tls-server-name": "localhost"} | {
    "certificate-authority": "{ca}"
}
PLAIN = {"server": "http://shop.invalid", "proxy-url": "{plain}"}


@dataclass(frozen=True)
class Row:
    """A kubeconfig: its one cluster and user, what else it has, and the variables around it."""

    cluster: Mapping[str, Any] = field(default_factory=lambda: HERE)
    user: Mapping[str, Any] = field(default_factory=lambda: TOKEN)
    top: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None
    """The whole file, instead."""
    sent: str | None = None
    """A login that only we send."""
    accepted: bool = False
    """We take it, kubectl does not."""
    refused: bool = False
    """kubectl takes it, we do not."""


class Seen(NamedTuple):
    """One request, as far as it must be the same."""

    target: str
    login: str | None
    impersonated: tuple[tuple[str, str], ...]
    certificate: str | None


class Outcome(NamedTuple):
    """What came of one client's try, in sets: we may try a broken connection again."""

    seen: frozenset[Seen]
    proxied: frozenset[str]
    logins: frozenset[str]
    told: tuple[str, ...]


@dataclass
class Site:
    """The servers that record, and a directory with a kubeconfig."""

    directory: Path
    tls: Recorder
    plain: Recorder
    tunnel: Tunnel
    socks: SocksTunnel

    def words(self) -> dict[str, str]:
        certificate, key = self.directory / "jane.crt", self.directory / "jane.key"
        return {
            "tls": self.tls.url,
            "plain": self.plain.url,
            "port": str(self.tls.port),
            "ca": str(self.tls.ca_file),
            "ca-data": data(self.tls.ca_file),
            "crt": "jane.crt",
            "key": "jane.key",
            "crt-data": data(certificate),
            "key-data": data(key),
            "tunnel": self.tunnel.address,
            "socks": self.socks.address,
            "directory": str(self.directory),
        }

    def fill(self, value: Any) -> Any:
        """Replace {words} in every text."""
        if isinstance(value, str):
            for word, meaning in self.words().items():
                value = value.replace(f"{{{word}}}", meaning)
            return value
        if isinstance(value, Mapping):
            return {key: self.fill(item) for key, item in value.items()}
        return [self.fill(item) for item in value] if isinstance(value, list) else value

    def outcome(self, log: Path) -> Outcome:
        """Return what came since the last time."""
        asked = [*self.tls.asked, *self.plain.asked]
        proxied = [*(f"http {a}" for a in self.tunnel.asked)]
        proxied += [f"socks {a}" for a in self.socks.asked]
        logins = [*self.tunnel.logins, *self.socks.logins]
        for kept in (
            self.tls.asked,
            self.plain.asked,
            self.tunnel.asked,
            self.socks.asked,
            self.tunnel.logins,
            self.socks.logins,
        ):
            kept.clear()
        told = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        canonical = (json.dumps(json.loads(line), sort_keys=True) for line in told if line)
        return Outcome(
            frozenset(map(seen, asked)), frozenset(proxied), frozenset(logins), tuple(canonical)
        )


def data(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()


def seen(asked: Asked) -> Seen:
    impersonated = sorted(h for h in asked.headers if h[0].startswith("impersonate-"))
    target = asked.target.partition("?")[0]
    return Seen(target, asked.login, tuple(impersonated), asked.certificate)


def plugin(
    status: Mapping[str, Any] | None,
    version: str = V1,
    variables: Mapping[str, str] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Return a user with a plugin that writes down what it is told and prints this status."""
    named = {"STATUS": json.dumps(status), **(variables or {})}
    return {
        "exec": {"apiVersion": version, "command": "./plugin", "interactiveMode": "Never"}
        | {"env": [{"name": name, "value": value} for name, value in named.items()]}
        | more
    }


PLUGIN = f"""\
#!{sys.executable}
import json, os, sys
info = os.environ["KUBERNETES_EXEC_INFO"]
open(os.environ["LOG"], "a").write(info.strip() + "\\n")
status = json.loads(os.environ["STATUS"])
version = os.environ.get("VERSION") or json.loads(info)["apiVersion"]
print(json.dumps({{"kind": "ExecCredential", "apiVersion": version, "status": status}}))
sys.exit(int(os.environ.get("CODE", "0")))
"""
PAIR = {"clientCertificateData": "{crt-pem}", "clientKeyData": "{key-pem}"}
CERTIFICATE = {"client-certificate": "{crt}", "client-key": "{key}"}

LOGINS: dict[str, Row] = {
    "nobody": Row(user={}, accepted=True),  # it asks for a user name
    "token": Row(user={"token": "t"}),
    "token in white space": Row(user={"token": " t "}, sent="Bearer t"),
    "token file": Row(user={"tokenFile": "token"}),
    "token file by its whole path": Row(user={"tokenFile": "{directory}/token"}),
    "token and token file": Row(user={"token": "t", "tokenFile": "token"}),
    "no such token file": Row(user={"tokenFile": "absent"}),
    "token and no such token file": Row(user={"token": "t", "tokenFile": "absent"}),
    "password": Row(user={"username": "u", "password": "p:ä"}),
    "user name": Row(user={"username": "u"}),
    "token and password": Row(user={"token": "t", "username": "u", "password": "p"}),
    "certificate": Row(user=CERTIFICATE),
    "certificate data": Row(
        user={"client-certificate-data": "{crt-data}", "client-key-data": "{key-data}"}
    ),
    "certificate without its key": Row(user={"client-certificate": "{crt}"}),
    "certificate and token": Row(user={**CERTIFICATE, "token": "t"}),
    "as": Row(user={"token": "t", "as": "jane", "as-uid": "7", "as-groups": ["dev", "ops"]}),
    "as with extra": Row(
        user={"token": "t", "as": "jane"}
        | {"as-user-extra": {"acme.example/reason": ["a", "b"], "50%": ["x"], "Ünder score": ["z"]}}
    ),
    "groups of nobody": Row(user={"token": "t", "as-groups": ["dev"]}),
    "password in the URL": Row(
        cluster={**HERE, "server": "https://u:p%3Aw@127.0.0.1:{port}"}, user={}, accepted=True
    ),
    "unknown keys": Row(cluster={**HERE, "new": 1}, user={"token": "t", "new": {"a": []}}),
}
PLAIN_HTTP: dict[str, Row] = {
    "plain: token": Row(PLAIN, {"token": "t"}),
    "plain: token file": Row(PLAIN, {"tokenFile": "token"}),
    "plain: password": Row(PLAIN, {"username": "u", "password": "p"}),
    "plain: plugin": Row(PLAIN, plugin({"token": "t"})),
    "plain: as": Row(PLAIN, {"token": "t", "as": "jane"}),
    "plain: certificate": Row(PLAIN, CERTIFICATE),
    "plain: nobody": Row(PLAIN, {}),
    "plain: this machine": Row({"server": "{plain}"}, {"token": "t"}, sent="Bearer t"),
}
CLUSTERS: dict[str, Row] = {
    "ca data": Row({"server": "{tls}", "certificate-authority-data": "{ca-data}"}),
    "ca beside the file": Row({"server": "{tls}", "certificate-authority": "server/ca.crt"}),
    "ca twice": Row({**HERE, "certificate-authority-data": "{ca-data}"}, accepted=True),
    "unknown ca": Row({"server": "{tls}"}),
    "insecure": Row({"server": "{tls}", "insecure-skip-tls-verify": True}, {"token": "t"}),
    "insecure with a ca": Row({**HERE, "insecure-skip-tls-verify": True}),
    "server name": Row({**HERE, "tls-server-name": "localhost"}),
    "another server name": Row({**HERE, "tls-server-name": "other.example"}),
    "path": Row({**HERE, "server": "{tls}/k8s/clusters/c-1/"}, {"token": "t"}),
    "path and query": Row({**HERE, "server": "{tls}/k8s?a=b#c"}),
    "no scheme": Row({**HERE, "server": "127.0.0.1:{port}"}),
    "no server": Row({"certificate-authority": "{ca}"}),
    "another scheme": Row({**HERE, "server": "ftp://127.0.0.1:{port}"}),
    "brackets": Row({**HERE, "server": "https://["}),
    "port": Row({**HERE, "server": "https://127.0.0.1:99999"}),
}
PLUGINS: dict[str, Row] = {
    "plugin": Row(user=plugin({"token": "t"})),
    "plugin of the older version": Row(user=plugin({"token": "t"}, V1BETA1)),
    "plugin with a certificate": Row(user=plugin(PAIR)),
    "plugin with both": Row(user=plugin({**PAIR, "token": "t"})),
    "plugin with half a pair": Row(user=plugin({"clientCertificateData": "{crt-pem}"})),
    "plugin with nothing": Row(user=plugin({})),
    "plugin without a status": Row(user=plugin(None)),
    "plugin of another version": Row(user=plugin({"token": "t"}, variables={"VERSION": V1BETA1})),
    "plugin that fails": Row(user=plugin({"token": "t"}, variables={"CODE": "3"})),
    "plugin that is absent": Row(user=plugin({}, command="./absent")),
    "plugin that is not in PATH": Row(user=plugin({}, command="no-such-plugin")),
    "plugin beside the current directory": Row(
        user=plugin({"token": "t"}, command="plugin"), env={"PATH": "."}
    ),
    "plugin without a version": Row(user=plugin({"token": "t"}, apiVersion="")),
    "plugin of a version that is gone": Row(
        user=plugin({"token": "t"}, apiVersion="client.authentication.k8s.io/v1alpha1")
    ),
    "plugin without a mode": Row(user=plugin({"token": "t"}, interactiveMode="")),
    "older plugin without a mode": Row(user=plugin({"token": "t"}, V1BETA1, interactiveMode="")),
    "plugin of another mode": Row(user=plugin({"token": "t"}, interactiveMode="Sometimes")),
    "plugin if available": Row(user=plugin({"token": "t"}, interactiveMode="IfAvailable")),
    "plugin that must ask": Row(user=plugin({"token": "t"}, interactiveMode="Always")),
    "plugin without a command": Row(user=plugin({"token": "t"}, command="")),
    "plugin and token": Row(user={"token": "own", **plugin({"token": "t"})}),
    "plugin and password": Row(user={"username": "u", "password": "p", **plugin({"token": "t"})}),
    "plugin and certificate": Row(user={**CERTIFICATE, **plugin({"token": "t"})}),
    "plugin and as": Row(user={"as": "jane", **plugin({"token": "t"})}),
    "plugin that is told of the cluster": Row(user=plugin({"token": "t"}, provideClusterInfo=True)),
    "plugin that is told all of the cluster": Row(
        {
            **HERE,
            "tls-server-name": "localhost",
            "proxy-url": "http://{tunnel}",
            "extensions": [
                {"name": "other", "extension": {"a": 1}},
                {"name": "client.authentication.k8s.io/exec", "extension": {"a": [1, "x"]}},
            ],
        },
        plugin({"token": "t"}, provideClusterInfo=True),
    ),
    "plugin that is told of an insecure cluster": Row(
        {"server": "{tls}", "insecure-skip-tls-verify": True},
        plugin({"token": "t"}, V1BETA1, provideClusterInfo=True),
    ),
    "plugin and auth provider": Row(
        user={"auth-provider": {"name": "oidc", "config": {}}, **plugin({"token": "t"})}
    ),
}
PROXIES: dict[str, Row] = {
    "proxy": Row({**HERE, "proxy-url": "http://{tunnel}"}, TOKEN),
    "proxy with a password": Row({**AWAY, "proxy-url": "http://u:p%40w@{tunnel}"}, TOKEN),
    "proxy of socks": Row({**AWAY, "proxy-url": "socks5://{socks}"}, TOKEN),
    "proxy of socks to this machine": Row({**HERE, "proxy-url": "socks5://{socks}"}, TOKEN),
    "proxy of socks with a password": Row({**AWAY, "proxy-url": "socks5://u:p@{socks}"}, TOKEN),
    "proxy whatever NO_PROXY says": Row(
        {**AWAY, "proxy-url": "http://{tunnel}"}, TOKEN, env={"NO_PROXY": "*"}
    ),
    "proxy before HTTPS_PROXY": Row(
        {**AWAY, "proxy-url": "http://{tunnel}"}, env={"HTTPS_PROXY": "socks5://{socks}"}
    ),
    "proxy without a scheme": Row({**AWAY, "proxy-url": "{tunnel}"}),
    "proxy of another scheme": Row({**AWAY, "proxy-url": "socks4://{socks}"}),
    "proxy that is not there": Row({**AWAY, "proxy-url": "http://127.0.0.1:1"}),
    "proxy and plugin": Row({**AWAY, "proxy-url": "http://{tunnel}"}, plugin(TOKEN)),
    "HTTPS_PROXY": Row(AWAY, TOKEN, env={"HTTPS_PROXY": "http://{tunnel}"}),
    "https_proxy": Row(AWAY, TOKEN, env={"https_proxy": "http://{tunnel}"}),
    "capitals first": Row(
        AWAY, env={"HTTPS_PROXY": "http://{tunnel}", "https_proxy": "socks5://{socks}"}
    ),
    "HTTPS_PROXY of socks": Row(AWAY, TOKEN, env={"HTTPS_PROXY": "socks5://{socks}"}),
    "HTTPS_PROXY without a scheme": Row(AWAY, env={"HTTPS_PROXY": "{tunnel}"}),
    "HTTPS_PROXY with a line feed": Row(AWAY, env={"HTTPS_PROXY": "http://{tunnel}\n"}),
    "HTTPS_PROXY and this machine": Row(HERE, env={"HTTPS_PROXY": "http://127.0.0.1:1"}),
    "HTTP_PROXY is not for https": Row(AWAY, env={"HTTP_PROXY": "http://{tunnel}"}),
    "HTTP_PROXY": Row({"server": "http://shop.invalid"}, TOKEN, env={"HTTP_PROXY": "{plain}"}),
    "ALL_PROXY": Row(AWAY, env={"ALL_PROXY": "http://{tunnel}", "all_proxy": "http://{tunnel}"}),
    "NO_PROXY": Row(AWAY, env={"HTTPS_PROXY": "http://{tunnel}", "NO_PROXY": "x, SHOP.invalid"}),
    "no_proxy": Row(AWAY, env={"HTTPS_PROXY": "http://{tunnel}", "no_proxy": "invalid"}),
    "NO_PROXY of a domain": Row(AWAY, env={"HTTPS_PROXY": "http://{tunnel}"}
                                | {"NO_PROXY": ".shop.invalid,*.shop.invalid"}),
    "NO_PROXY of a port": Row(AWAY, env={"HTTPS_PROXY": "http://{tunnel}"}
                              | {"NO_PROXY": "shop.invalid:443"}),
    "NO_PROXY of its port": Row(AWAY, env={"HTTPS_PROXY": "http://{tunnel}"}
                                | {"NO_PROXY": "shop.invalid:{port}"}),
    "NO_PROXY for all": Row(AWAY, env={"HTTPS_PROXY": "http://{tunnel}", "NO_PROXY": "*"}),
    "NO_PROXY of another network": Row(
        {**AWAY, "server": "https://192.0.2.1:{port}"},
        env={"HTTPS_PROXY": "http://{tunnel}", "NO_PROXY": "198.51.100.0/24,192.0.2.2"},
    ),
}  # fmt: skip


GOOD = "{server: '{tls}', certificate-authority: '{ca}'}"


def whole(cluster: str = GOOD, user: str = "{token: t}", more: str = "") -> str:
    """Return a kubeconfig as text."""
    return (
        "contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n"
        f"clusters: [{{name: c, cluster: {cluster}}}]\nusers: [{{name: u, user: {user}}}]\n{more}"
    )


FILES: dict[str, Row] = {
    "file": Row(text=whole()),
    "file: another kind": Row(text=whole(more="apiVersion: v1\nkind: Pod\n")),
    "file: another version": Row(text=whole(more="apiVersion: v2\nkind: Config\n")),
    "file: empty": Row(text=""),
    "file: clusters 5": Row(text="clusters: 5\n"),
    "file: clusters {}": Row(text=whole().replace("clusters: [", "clusters: {} #")),
    "file: null": Row(text=whole(more="preferences:\nextensions: null\n")),
    "file: number as a token": Row(text=whole(user="{token: 12}")),
    "file: truth as a token": Row(text=whole(user="{token: yes}")),
    "file: date as a token": Row(text=whole(user="{token: 2026-01-01}")),
    "file: number as another user's token": Row(
        text=whole().replace("users: [", "users: [{name: o, user: {token: 12}}, ")
    ),
    "file: text as a truth": Row(
        text=whole("{server: '{tls}', insecure-skip-tls-verify: 'true'}")
    ),
    "file: groups as a text": Row(text=whole(user="{token: t, as: j, as-groups: dev}")),
    "file: extra as a list": Row(text=whole(user="{token: t, as: j, as-user-extra: [a]}")),
    "file: a name twice": Row(
        text=whole().replace("users: [", "users: [{name: u, user: {token: first}}, ")
    ),
    "file: a key twice": Row(text=whole(user="{token: first, token: second}")),
    "file: not base64": Row(text=whole("{server: '{tls}', certificate-authority-data: '%'}")),
    "file: base64 in lines": Row(
        text=whole("{server: '{tls}', certificate-authority-data: {ca-lines}}")
    ),
    "file: no such user": Row(text=whole().replace("name: u,", "name: other,")),
    "file: no such cluster": Row(text=whole().replace("name: c,", "name: other,")),
    "file: no such context": Row(text=whole().replace("current-context: x", "current-context: y")),
    "file: no user": Row(text=whole(user="{token: t}").replace(", user: u}", "}"), accepted=True),
    "file: aliases": Row(text="a: &u {token: t}\n" + whole(user="*u")),
    "file: merged keys": Row(text="a: &u {token: t}\n" + whole(user="{<<: *u, as: jane}")),
    "file: two documents": Row(text=whole(user="{token: t}") + "---\na: b\n"),
    "file: JSON": Row(text=json.dumps({"clusters": [{"name": "c", "cluster": HERE}]}
                      | {"contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}]}
                      | {"users": [{"name": "u", "user": TOKEN}], "current-context": "x"})),
    "file: a tab": Row(text="clusters:\n\t- name: c\n"),
    "file: not UTF-8": Row(text=whole(user="{token: t, as: '\udcff'}")),
    "file: with a mark": Row(text="\ufeff" + whole(user="{token: t}")),
}  # fmt: skip
ROWS = LOGINS | PLAIN_HTTP | CLUSTERS | PLUGINS | PROXIES | FILES


@pytest.fixture(scope="module")
def kubectl() -> Path:
    return controlplane.binary("kubectl")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("site")
    with Recorder(directory / "server") as tls, Recorder() as plain:
        for made in make_client_certificate(directory / "server", "jane"):
            made.rename(directory / made.name)
        with Tunnel(tls.port) as tunnel, SocksTunnel(tls.port) as socks:
            yield Site(directory, tls, plain, tunnel, socks)


@pytest.fixture
def site(servers: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Return the servers, with nothing recorded and no proxy in the environment."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    (servers.directory / "token").write_text("from-file\n")
    script = servers.directory / "plugin"
    script.write_text(PLUGIN)
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    servers.outcome(servers.directory / "log")
    return servers


def write(site: Site, row: Row) -> Path:
    file = site.directory / "kubeconfig"
    if row.text is not None:
        lines = base64.encodebytes(site.tls.ca_file.read_bytes()).decode()
        text = row.text.replace("{ca-lines}", json.dumps(lines))
        file.write_text(site.fill(text), errors="surrogateescape")
        return file
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": site.fill(row.cluster)}],
        "users": [{"name": "u", "user": pems(site, site.fill(row.user))}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    file.write_text(yaml.safe_dump(content | row.top, allow_unicode=True))
    return file


def pems(site: Site, user: Any) -> Any:
    """Replace {crt-pem} and {key-pem} within the JSON of a plugin's status."""
    text = json.dumps(user)
    for word, file in (("{crt-pem}", "jane.crt"), ("{key-pem}", "jane.key")):
        pem = (site.directory / file).read_text()
        text = text.replace(word, json.dumps(json.dumps(pem)[1:-1])[1:-1])
    return json.loads(text)


def by_kubectl(
    kubectl: Path, site: Site, file: Path | None, environment: Mapping[str, str]
) -> tuple[Outcome, str]:
    log = site.directory / "log"
    chosen = ["--kubeconfig", file] if file else []
    done = subprocess.run(
        [kubectl, *chosen, "--request-timeout=20s", "get", "--raw", PATH],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd=site.directory / "first" if file is None else site.directory,
        timeout=PATIENCE,
        env={"PATH": "/usr/bin:/bin", "HOME": str(site.directory), "LOG": str(log), **environment},
    )
    return site.outcome(log), f"{done.returncode}: {done.stderr}"


def by_us(site: Site, file: Path | None) -> tuple[Outcome, GitOpsError | None]:
    target = Target(EnvironmentName("shop-dev"), frozenset({Kind.DEPLOYMENT}), pods=False)
    error: GitOpsError | None = None
    try:
        cluster = connect(kubeconfig=file, deadline=time.monotonic() + 20)
        try:
            [observed] = cluster.observe([target]).values()
            error = observed.errors.get(Kind.DEPLOYMENT)
        finally:
            cluster.close()
    except GitOpsError as raised:
        error = raised
    return site.outcome(site.directory / "log"), error


SECOND: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "ca": ({"server": "{tls}", "certificate-authority": "./ca.crt"}, TOKEN),
    "certificate": (HERE, {"client-certificate": "./jane.crt", "client-key": "../second/jane.key"}),
    "token file": (HERE, {"tokenFile": "./token"}),
    "plugin": (HERE, plugin(TOKEN)),
    "plugin in a folder": (HERE, plugin(TOKEN, command="bin/plugin")),
    "plugin that is told": (HERE, plugin(TOKEN, provideClusterInfo=True)),
    "plugin and proxy": ({**AWAY, "proxy-url": "http://{tunnel}"}, plugin(TOKEN)),
}


@pytest.mark.parametrize("name", SECOND)
def test_relative_paths_are_those_of_their_file(
    name: str, site: Site, kubectl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies beside the first file, and in the current directory, is somebody else's."""
    cluster, user = SECOND[name]
    second, first = site.directory / "second", site.directory / "first"
    for directory, script in ((second, PLUGIN), (first, "#!/bin/sh\nexit 9\n")):
        (directory / "bin").mkdir(parents=True, exist_ok=True)
        for file in (directory / "plugin", directory / "bin/plugin"):
            file.write_text(script)
            file.chmod(0o700)
        (directory / "token").write_text(f"of {directory.name}")
    for file in ("jane.crt", "jane.key", "server/ca.crt"):
        (second / Path(file).name).write_bytes((site.directory / file).read_bytes())
        (first / Path(file).name).write_text("another's")
    write(site, Row(cluster, user)).rename(second / "config")
    context = {"name": "of first", "context": {"cluster": "c", "user": "u"}}
    (first / "config").write_text(
        yaml.safe_dump({"contexts": [context], "current-context": "of first"})
    )
    log, files = str(site.directory / "log"), f"{first}/config:{second}/config"
    theirs, said = by_kubectl(kubectl, site, None, {"KUBECONFIG": files})
    for variable, value in {"LOG": log, "KUBECONFIG": files}.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.chdir(first)

    ours, error = by_us(site, None)

    assert ours == theirs, f"kubectl {said}\nwe: {error!r}"
    assert len(ours.seen) == 1, said


@pytest.mark.parametrize("name", ROWS)
def test_kubectl_does_the_same(
    name: str, site: Site, kubectl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = ROWS[name]
    environment = site.fill(row.env)
    file = write(site, row)
    theirs, said = by_kubectl(kubectl, site, file, environment)
    for variable, value in {"LOG": str(site.directory / "log"), **environment}.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.chdir(site.directory)

    ours, error = by_us(site, file)

    if row.sent is not None:
        [one] = theirs.seen
        theirs = theirs._replace(seen=frozenset({one._replace(login=row.sent)}))
    if row.accepted:
        assert not theirs.seen, said
        assert ours.seen, error
        return
    assert ours == theirs, f"kubectl {said}\nwe: {error!r}"
    assert (error is None) is said.startswith("0:")
