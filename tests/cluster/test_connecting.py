"""Every kind of kubeconfig really gets in, and each that does not says why."""

from __future__ import annotations

import base64
import json
import stat
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops_cli.cluster.connection import connect
from gitops_cli.domain.cluster.workload import Target
from gitops_cli.domain.errors import (
    ClusterError,
    ClusterUnreachable,
    ConfigurationError,
    Denied,
    TimedOut,
)
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Kind
from tests.cluster.conftest import Connected
from tests.cluster.tunnel import Tunnel
from tests.testbed import controlplane
from tests.testbed.controlplane import ControlPlane
from tests.testbed.faults import Answer, ApiProxy
from tests.testbed.kube import Kube
from tests.testbed.kubeconfig import write_kubeconfig
from tests.testbed.manifests import deployment
from tests.testbed.patience import HANGING, PATIENCE, eventually

LOOK = [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]}]


def config_of(plane: ControlPlane, user: dict[str, Any], **cluster: Any) -> dict[str, Any]:
    base = {"server": plane.url, "certificate-authority": str(plane.ca_file)}
    content = {k: v for k, v in (base | cluster).items() if v is not None}
    return {
        "clusters": [{"name": "c", "cluster": content}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }


def write(tmp_path: Path, content: dict[str, Any]) -> Path:
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(content))
    return file


def names(connected: Connected, kubeconfig: Path, namespace: str) -> list[str]:
    """Return the Deployments that a kubeconfig shows; raises the error of the LIST."""
    target = Target(EnvironmentName(namespace), frozenset({Kind.DEPLOYMENT}), pods=False)
    [observed] = connected(kubeconfig).observe([target]).values()
    for error in observed.errors.values():
        raise error
    return [w.name for w in observed.workloads]


@pytest.fixture
def web(kube: Kube, namespace: str) -> str:
    kube.create(deployment("web", "r/web:1"), namespace)
    return namespace


@pytest.fixture
def token(kube: Kube, web: str) -> str:
    return kube.service_account(web, "bot", LOOK)


def test_client_certificate_by_files_and_by_data(
    control_plane: ControlPlane, connected: Connected, web: str, tmp_path: Path
) -> None:
    crt = control_plane.directory / "client-admin.crt"
    key = crt.with_suffix(".key")
    by_files = {"client-certificate": str(crt), "client-key": str(key)}
    by_data = {
        "client-certificate-data": base64.b64encode(crt.read_bytes()).decode(),
        "client-key-data": base64.b64encode(key.read_bytes()).decode(),
    }
    for user in (by_files, by_data):
        file = write(tmp_path, config_of(control_plane, user))
        assert names(connected, file, web) == ["web"]


def test_ca_by_data_and_not_verified_at_all(
    control_plane: ControlPlane, connected: Connected, web: str, token: str, tmp_path: Path
) -> None:
    ca = base64.b64encode(control_plane.ca_file.read_bytes()).decode()
    for cluster in (
        {"certificate-authority-data": ca, "certificate-authority": None},
        {"insecure-skip-tls-verify": True, "certificate-authority": None},
    ):
        file = write(tmp_path, config_of(control_plane, {"token": token}, **cluster))
        assert names(connected, file, web) == ["web"]


def test_tls_server_name(
    control_plane: ControlPlane, connected: Connected, web: str, token: str, tmp_path: Path
) -> None:
    good = config_of(control_plane, {"token": token}, **{"tls-server-name": "localhost"})
    bad = config_of(control_plane, {"token": token}, **{"tls-server-name": "other.example"})
    with pytest.raises(ClusterUnreachable, match=r"certificate is not trusted: .*other\.example"):
        names(connected, write(tmp_path, bad), web)
    assert names(connected, write(tmp_path, good), web) == ["web"]


def test_a_token_file_is_read_again(
    control_plane: ControlPlane,
    connected: Connected,
    web: str,
    token: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "token").write_text("expired")
    file = write(tmp_path, config_of(control_plane, {"tokenFile": "token"}))
    cluster = connected(file)
    target = Target(EnvironmentName(web), frozenset({Kind.DEPLOYMENT}), pods=False)
    [before] = cluster.observe([target]).values()
    assert isinstance(before.errors[Kind.DEPLOYMENT], Denied)
    (tmp_path / "token").write_text(f"{token}\n")
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 61)
    [after] = cluster.observe([target]).values()
    assert [w.name for w in after.workloads] == ["web"]


def plugin(tmp_path: Path, body: str) -> dict[str, Any]:
    script = tmp_path / "plugin"
    script.write_text(f"#!{sys.executable}\n{body}")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": str(script),
            "interactiveMode": "Never",
        }
    }


def test_an_exec_plugin(
    control_plane: ControlPlane, connected: Connected, web: str, token: str, tmp_path: Path
) -> None:
    answer = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": token},
    }
    user = plugin(tmp_path, f"print({json.dumps(json.dumps(answer))})")
    assert names(connected, write(tmp_path, config_of(control_plane, user)), web) == ["web"]


def test_an_exec_plugin_with_a_certificate(
    control_plane: ControlPlane, connected: Connected, web: str, tmp_path: Path
) -> None:
    crt = control_plane.directory / "client-admin.crt"
    status = {
        "clientCertificateData": crt.read_text(),
        "clientKeyData": crt.with_suffix(".key").read_text(),
    }
    answer = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": status,
    }
    user = plugin(tmp_path, f"print({json.dumps(json.dumps(answer))})")
    assert names(connected, write(tmp_path, config_of(control_plane, user)), web) == ["web"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("import sys; sys.exit('log in first')", "log in first"),
        ("print('no json')", "gave no credentials"),
    ],
)
def test_an_exec_plugin_that_fails_says_why(
    control_plane: ControlPlane,
    connected: Connected,
    web: str,
    body: str,
    says: str,
    tmp_path: Path,
) -> None:
    file = write(tmp_path, config_of(control_plane, plugin(tmp_path, body)))
    target = Target(EnvironmentName(web), frozenset({Kind.DEPLOYMENT}), pods=False)
    [found] = connected(file).observe([target]).values()
    denied = found.errors[Kind.DEPLOYMENT]
    assert isinstance(denied, Denied)
    assert says in denied.message


def test_an_exec_plugin_runs_when_it_is_needed_and_once(
    control_plane: ControlPlane, connected: Connected, web: str, token: str, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    answer = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": token},
    }
    body = f"open({str(runs)!r}, 'a').write('run\\n')\nprint({json.dumps(json.dumps(answer))})"
    cluster = connected(write(tmp_path, config_of(control_plane, plugin(tmp_path, body))))
    cluster.open()
    assert not runs.exists()
    target = Target(EnvironmentName(web), frozenset(Kind), pods=True)
    for _ in range(2):
        [found] = cluster.observe([target]).values()
        assert [w.name for w in found.workloads] == ["web"]
    assert runs.read_text() == "run\n"


def test_an_exec_plugin_that_never_returns_holds_nobody_past_the_time_out(
    control_plane: ControlPlane, connected: Connected, web: str, tmp_path: Path
) -> None:
    body = "import os, sys, time\nwhile os.getppid() != 1: time.sleep(0.1)"
    file = write(tmp_path, config_of(control_plane, plugin(tmp_path, body)))
    cluster = connected(file, timeout=2.0)
    target = Target(EnvironmentName(web), frozenset({Kind.DEPLOYMENT}), pods=False)
    began = time.monotonic()
    [found] = cluster.observe([target]).values()
    assert time.monotonic() - began < HANGING
    late = found.errors[Kind.DEPLOYMENT]
    assert isinstance(late, TimedOut)
    assert "the login (exec of the kubeconfig) did not end in time" in late.message


def test_the_long_connection_does_all_the_short_one_does(
    control_plane: ControlPlane,
    connected: Connected,
    kube: Kube,
    web: str,
    token: str,
    way: dict[str, str],
    tmp_path: Path,
) -> None:
    cluster = connected(write(tmp_path, config_of(control_plane, {"token": token}, **way)))
    target = Target(EnvironmentName(web), frozenset({Kind.DEPLOYMENT}), pods=True)
    [observed] = cluster.observe([target]).values()
    assert [w.name for w in observed.workloads] == ["web"]
    assert observed.pods is None
    assert f"{web}: not permitted to list pods" in observed.notes[0]
    with cluster.follow([Target(EnvironmentName(web), frozenset({Kind.DEPLOYMENT}))]) as follower:
        assert follower.wait(PATIENCE)
        kube.set_image("Deployment", web, "web", "web", "r/web:2")
        deadline = time.monotonic() + PATIENCE
        images: list[str] = []
        while images != ["r/web:2"] and time.monotonic() < deadline:
            follower.wait(1)
            seen = follower.observed(EnvironmentName(web))
            images = [c.image for w in (seen.workloads if seen else ()) for c in w.containers]
        assert images == ["r/web:2"]


def test_a_proxy_of_the_kubeconfig(
    control_plane: ControlPlane, connected: Connected, web: str, token: str, tmp_path: Path
) -> None:
    with Tunnel() as tunnel:
        content = config_of(control_plane, {"token": token}, **{"proxy-url": tunnel.url})
        assert names(connected, write(tmp_path, content), web) == ["web"]
        assert set(tunnel.asked) == {control_plane.url.removeprefix("https://")}


def test_a_proxy_of_the_kubeconfig_that_is_not_there(
    control_plane: ControlPlane, connected: Connected, web: str, token: str, tmp_path: Path
) -> None:
    content = config_of(control_plane, {"token": token}, **{"proxy-url": "http://127.0.0.1:1"})
    with pytest.raises(ClusterUnreachable, match=control_plane.url):
        names(connected, write(tmp_path, content), web)


def test_impersonation_is_obeyed(
    control_plane: ControlPlane, connected: Connected, web: str, tmp_path: Path
) -> None:
    crt = control_plane.directory / "client-admin.crt"
    user = {
        "client-certificate": str(crt),
        "client-key": str(crt.with_suffix(".key")),
        "as": "jane",
        "as-groups": ["dev"],
    }
    with pytest.raises(Denied, match='User "jane" cannot list'):
        names(connected, write(tmp_path, config_of(control_plane, user)), web)


def test_each_group_of_an_impersonation_counts(
    control_plane: ControlPlane,
    connected: Connected,
    kube: Kube,
    web: str,
    tmp_path: Path,
    way: dict[str, str],
) -> None:
    version = "rbac.authorization.k8s.io/v1"
    metadata = {"name": "ops", "namespace": web}
    kube.create({"apiVersion": version, "kind": "Role", "metadata": metadata, "rules": LOOK})
    role = {"kind": "Role", "apiGroup": "rbac.authorization.k8s.io", "name": "ops"}
    group = {"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "ops"}
    kube.create(
        {"apiVersion": version, "kind": "RoleBinding", "metadata": metadata}
        | {"subjects": [group], "roleRef": role}
    )
    crt = control_plane.directory / "client-admin.crt"
    user = {"client-certificate": str(crt), "client-key": str(crt.with_suffix(".key"))}
    user |= {"as": "jane", "as-groups": ["dev", "ops"]}
    file = write(tmp_path, config_of(control_plane, user, **way))

    def may_look() -> bool:
        try:
            return names(connected, file, web) == ["web"]
        except Denied:
            return False  # the API server hears of the binding a moment later

    eventually(may_look)


def test_a_wrong_ca(
    control_plane: ControlPlane, connected: Connected, web: str, token: str, tmp_path: Path
) -> None:
    other = controlplane.make_certificates(tmp_path / "other") / "ca.crt"
    file = write_kubeconfig(tmp_path / "k", url=control_plane.url, ca_file=other, token=token)
    begin = time.monotonic()
    with pytest.raises(ClusterUnreachable, match="its certificate is not trusted") as raised:
        names(connected, file, web)
    assert control_plane.url in raised.value.message
    assert f"list deployments.apps in {web}" in raised.value.message
    assert time.monotonic() - begin < HANGING, "it was tried again and again"


def test_a_token_that_is_not_accepted(
    control_plane: ControlPlane, connected: Connected, web: str, tmp_path: Path
) -> None:
    file = write(tmp_path, config_of(control_plane, {"token": "expired"}))
    with pytest.raises(Denied, match="does not accept the credentials of context x"):
        names(connected, file, web)


def test_nobody_listens(
    control_plane: ControlPlane, connected: Connected, web: str, tmp_path: Path
) -> None:
    file = write(tmp_path, config_of(control_plane, {}, server="https://127.0.0.1:1"))
    begin = time.monotonic()
    with pytest.raises(
        ClusterUnreachable, match=r"127\.0\.0\.1:1 \(context x\): Connection refused"
    ):
        names(connected, file, web)
    assert time.monotonic() - begin < HANGING


def test_an_unknown_host(
    control_plane: ControlPlane, connected: Connected, web: str, tmp_path: Path
) -> None:
    file = write(tmp_path, config_of(control_plane, {}, server="https://nowhere.invalid:6443"))
    with pytest.raises(ClusterUnreachable, match="unknown host"):
        names(connected, file, web)


def test_what_answers_is_no_api_server(
    control_plane: ControlPlane, connected: Connected, web: str, api_proxy: ApiProxy
) -> None:
    api_proxy.on(Answer(200, body="<html>hello</html>"), times=5)
    with pytest.raises(ClusterError, match="does not answer as a Kubernetes API"):
        names(connected, api_proxy.kubeconfig, web)


@pytest.mark.parametrize("missing", ["client-key-data", "client-certificate-data"])
def test_half_a_key_pair(control_plane: ControlPlane, missing: str, tmp_path: Path) -> None:
    crt = control_plane.directory / "client-admin.crt"
    user = {
        "client-certificate-data": base64.b64encode(crt.read_bytes()).decode(),
        "client-key-data": base64.b64encode(b"no key").decode(),
    }
    user.pop(missing) if missing == "client-key-data" else user.update(
        {missing: base64.b64encode(b"no certificate").decode()}
    )
    with pytest.raises(ConfigurationError, match="client-certificate"):
        connect(kubeconfig=write(tmp_path, config_of(control_plane, user)))


def test_no_private_key_is_left_on_a_disk(
    control_plane: ControlPlane,
    connected: Connected,
    web: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    before = len(list(Path("/dev/fd").iterdir()))
    assert names(connected, control_plane.kubeconfig, web) == ["web"]
    assert list((tmp_path / "tmp").iterdir()) == []
    assert len(list(Path("/dev/fd").iterdir())) <= before + 2, "a pipe was left open"
