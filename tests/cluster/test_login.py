"""Logins: begun when needed, once for all who wait, renewed when refused, and seen by people."""

from __future__ import annotations

import base64
import json
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest
import yaml

from gitops_cli.cluster import plugins
from gitops_cli.cluster.connection import KubernetesCluster, connect
from gitops_cli.cluster.kubeconfig import find_access
from gitops_cli.cluster.login import LoginTransport
from gitops_cli.domain.cluster.workload import Target
from gitops_cli.domain.errors import ConfigurationError, Denied, GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.web.exchange import HttpRequest
from tests.cluster.recorder import Recorder
from tests.registry.scripted import Reply, Request, Scripted, scripted
from tests.testbed.patience import HANGING, PATIENCE, eventually
from tests.testbed.registry import make_certificate

VERSION = "client.authentication.k8s.io/v1"
# Counts its runs, and takes long enough for others to come by.
COUNTING = """\
import fcntl, os, time
with open({runs!r}, "a+") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    file.write("run\\n")
    file.seek(0)
    number = len(file.readlines())
time.sleep(0.2)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Recorder]:
    with Recorder(tmp_path / "server") as recorder:
        yield recorder


@pytest.fixture
def runs(tmp_path: Path) -> Callable[[], int]:
    file = tmp_path / "runs"
    return lambda: len(file.read_text().splitlines()) if file.exists() else 0


def kubeconfig(server: Recorder, directory: Path, user: dict[str, Any]) -> Path:
    cluster = {"server": server.url}
    if server.url.startswith("https"):
        cluster["certificate-authority"] = str(server.ca_file)
    content = {
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    file = directory / "kubeconfig"
    file.write_text(yaml.safe_dump(content))
    return file


def plugin(directory: Path, body: str, mode: str = "IfAvailable") -> dict[str, Any]:
    script = directory / "plugin"
    script.write_text(f"#!{sys.executable}\n{body}")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return {"exec": {"apiVersion": VERSION, "command": str(script), "interactiveMode": mode}}


def counting(directory: Path, status: str = "{'token': f'login-{number}'}") -> dict[str, Any]:
    """Return a user whose plugin counts its runs; `status` is Python."""
    answer = f"{{'kind': 'ExecCredential', 'apiVersion': {VERSION!r}, 'status': {status}}}"
    body = COUNTING.format(runs=str(directory / "runs"))
    return plugin(directory, f"{body}import json\nprint(json.dumps({answer}))\n")


def targets(count: int = 1) -> list[Target]:
    names = [EnvironmentName(f"shop-{number}") for number in range(count)]
    return [Target(name, frozenset({Kind.DEPLOYMENT}), pods=False) for name in names]


def errors(cluster: KubernetesCluster, count: int = 1) -> list[GitOpsError | None]:
    """Look at so many namespaces at once; return what each failed with."""
    seen = cluster.observe(targets(count)).values()
    return [one.errors.get(Kind.DEPLOYMENT) for one in seen]


@pytest.fixture
def connected(tmp_path: Path, server: Recorder) -> Iterator[Callable[..., KubernetesCluster]]:
    opened: list[KubernetesCluster] = []

    def open_one(user: dict[str, Any], **rest: Any) -> KubernetesCluster:
        opened.append(connect(kubeconfig=kubeconfig(server, tmp_path, user), **rest))
        return opened[-1]

    yield open_one
    for cluster in opened:
        cluster.close()


def test_sixteen_at_once_are_one_login(
    connected: Callable[..., KubernetesCluster],
    server: Recorder,
    runs: Callable[[], int],
    tmp_path: Path,
) -> None:
    assert errors(connected(counting(tmp_path)), 16) == [None] * 16
    assert runs() == 1
    assert {asked.login for asked in server.asked} == {"Bearer login-1"}


def test_sixteen_whose_login_has_expired_begin_one_new_login(
    connected: Callable[..., KubernetesCluster], runs: Callable[[], int], tmp_path: Path
) -> None:
    until = "time.gmtime(time.time() + (2 if number == 1 else 1000))"
    status = (
        f"{{'token': 't', 'expirationTimestamp': time.strftime('%Y-%m-%dT%H:%M:%SZ', {until})}}"
    )
    cluster = connected(counting(tmp_path, status))
    assert errors(cluster, 16) == [None] * 16
    time.sleep(2.5)
    assert errors(cluster, 16) == [None] * 16
    assert runs() == 2


def test_a_login_that_is_refused_in_mid_run_is_asked_for_once_more(
    connected: Callable[..., KubernetesCluster],
    server: Recorder,
    runs: Callable[[], int],
    tmp_path: Path,
) -> None:
    cluster = connected(counting(tmp_path))
    assert errors(cluster) == [None]
    server.status = lambda asked: 200 if asked.login == "Bearer login-2" else 401
    assert errors(cluster, 16) == [None] * 16
    assert runs() == 2


def test_a_login_may_take_longer_than_a_request(server: Recorder, tmp_path: Path) -> None:
    answer = json.dumps(
        {"kind": "ExecCredential", "apiVersion": VERSION, "status": {"token": "late"}}
    )
    user = plugin(tmp_path, f"import time\ntime.sleep(3.1)\nprint({answer!r})\n")
    access = find_access(kubeconfig=kubeconfig(server, tmp_path, user), environment={})
    transport = LoginTransport(access)

    assert transport.send(HttpRequest("GET", "/x"), timeout=3.0).status == 200
    transport.close()


def test_a_watch_whose_login_is_refused_begins_with_another(
    server: Recorder, runs: Callable[[], int], tmp_path: Path
) -> None:
    server.status = lambda asked: 200 if asked.login == "Bearer login-2" else 401
    access = find_access(kubeconfig=kubeconfig(server, tmp_path, counting(tmp_path)))
    transport = LoginTransport(access)
    stream = transport.stream(HttpRequest("GET", "/apis?watch=1"), timeout=PATIENCE)
    assert (stream.status, runs()) == (200, 2)
    stream.close()
    transport.close()


def test_a_login_that_stays_refused_is_the_failure(
    connected: Callable[..., KubernetesCluster],
    server: Recorder,
    runs: Callable[[], int],
    tmp_path: Path,
) -> None:
    server.status = lambda asked: 401
    cluster = connected(counting(tmp_path, "{'token': 'always-the-same'}"))
    assert {type(error) for error in errors(cluster, 4)} == {Denied}
    assert runs() == 2


def test_a_login_that_fails_is_not_begun_again_by_each(
    connected: Callable[..., KubernetesCluster], runs: Callable[[], int], tmp_path: Path
) -> None:
    cluster = connected(counting(tmp_path, "{}"))
    for error in errors(cluster, 16):
        assert isinstance(error, Denied)
        assert "printed neither a token nor a certificate" in error.message
    assert runs() == 1


@pytest.mark.parametrize("way", ["the short way", "the long way"], indirect=True)
def test_a_token_file_is_read_again_where_its_token_was_refused(
    server: Recorder, way: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("old")
    file = kubeconfig(server, tmp_path, {"tokenFile": "token"})
    content = yaml.safe_load(file.read_text())
    content["clusters"][0]["cluster"] |= way
    file.write_text(yaml.safe_dump(content))
    cluster = connect(kubeconfig=file)
    try:
        assert errors(cluster) == [None]
        (tmp_path / "token").write_text("new")
        server.status = lambda asked: 200 if asked.login == "Bearer new" else 401
        assert errors(cluster, 16) == [None] * 16
    finally:
        cluster.close()


def test_what_waits_for_somebody_is_told(
    connected: Callable[..., KubernetesCluster], tmp_path: Path
) -> None:
    """Standard error of tests is no terminal; the prompt has no line feed."""
    told: list[str] = []
    body = (
        "import sys, time\n"
        "print('open https://login.example', file=sys.stderr, flush=True)\n"
        "print('code: ', end='', file=sys.stderr, flush=True)\n"
        "time.sleep(60)\n"
    )
    cluster = connected(plugin(tmp_path, body), tell=told.append)
    thread = threading.Thread(target=errors, args=(cluster,), daemon=True)
    began = time.monotonic()
    thread.start()
    eventually(lambda: told == ["open https://login.example", "code:"])
    assert 1.5 < time.monotonic() - began < HANGING, "at once, or much too late"
    cluster.close()
    thread.join(HANGING)
    assert not thread.is_alive(), "the plugin was not ended"


def test_what_a_quick_plugin_says_by_the_way_is_not_told(
    connected: Callable[..., KubernetesCluster], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugins, "_SILENCE", HANGING)  # quick, however little it gets to run
    told: list[str] = []
    user = counting(tmp_path)
    script = tmp_path / "plugin"
    script.write_text(script.read_text() + "import sys\nprint('deprecated', file=sys.stderr)\n")
    assert errors(connected(user, tell=told.append)) == [None]
    assert told == []


ASKS = """\
import json, os, sys
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
assert info["spec"]["interactive"], info
print("Your code: ", end="", file=sys.stderr, flush=True)
token = input()
print(json.dumps(info | {"status": {"token": token}}))
"""
LOOKS = """\
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.cluster.test_login import connect, errors
cluster = connect(kubeconfig=Path({file!r}))
print(errors(cluster))
cluster.close()
"""


def test_a_person_is_asked_although_stdout_is_a_file(server: Recorder, tmp_path: Path) -> None:
    file = kubeconfig(server, tmp_path, plugin(tmp_path, ASKS))
    root = str(Path(__file__).parents[2])
    (tmp_path / "look.py").write_text(LOOKS.format(root=root, file=str(file)))
    command = f"exec {sys.executable} {tmp_path / 'look.py'} > {tmp_path / 'out'}"
    terminal = pexpect.spawn("/bin/sh", ["-c", command], encoding="utf-8", timeout=PATIENCE)
    terminal.expect("Your code: ")
    terminal.sendline("typed")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert (tmp_path / "out").read_text() == "[None]\n"
    assert {asked.login for asked in server.asked} == {"Bearer typed"}


def test_a_plugin_that_fails_on_a_terminal_is_a_clear_error(
    server: Recorder, tmp_path: Path
) -> None:
    body = "import sys\nsys.exit('log in first')\n"
    file = kubeconfig(server, tmp_path, plugin(tmp_path, body))
    root = str(Path(__file__).parents[2])
    (tmp_path / "look.py").write_text(LOOKS.format(root=root, file=str(file)))
    terminal = pexpect.spawn(
        sys.executable, [str(tmp_path / "look.py")], encoding="utf-8", timeout=PATIENCE
    )
    seen = terminal.read()
    terminal.close()
    assert "log in first\r\n" in seen, "said by the plugin itself"
    assert "ended with exit code 1" in seen
    assert "NoneType" not in seen


def test_what_is_not_sent_over_plain_http_is_named_where_it_is_missed(tmp_path: Path) -> None:
    with Recorder() as plain:
        plain.status = lambda asked: 401
        file = kubeconfig(plain, tmp_path, {"token": "S3CR3T"})
        content = yaml.safe_load(file.read_text())
        cluster = {"server": "http://shop.invalid", "proxy-url": plain.url}
        content["clusters"][0]["cluster"] = cluster
        file.write_text(yaml.safe_dump(content))
        connected = connect(kubeconfig=file)
        try:
            [error] = errors(connected)
        finally:
            connected.close()
        assert isinstance(error, Denied)
        assert "token of the kubeconfig: not sent over plain http" in str(error.hint)
        assert [asked.login for asked in plain.asked] == [None]


# --- auth providers


def jwt(expires: float) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": int(expires)}).encode()).decode()
    return f"e30.{claims.rstrip('=')}.e30"


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Scripted]:
    """Yield an identity provider that renews every token, to one that is valid for an hour."""
    make_certificate(tmp_path / "idp")

    def answer(request: Request) -> Reply:
        base = f"https://{provider.address}"
        found = {"token_endpoint": f"{base}/token", "issuer": base}
        if request.method == "POST":
            found = {"id_token": jwt(time.time() + 3600), "refresh_token": "next"}
            found |= {"access_token": "a", "token_type": "Bearer"}
        return Reply(200, {"Content-Type": "application/json"}, json.dumps(found).encode())

    with scripted(answer, certificate=tmp_path / "idp") as provider:
        yield provider


def oidc(company: Scripted, **settings: str) -> dict[str, Any]:
    config = {"idp-issuer-url": f"https://{company.address}", "client-id": "me"}
    config |= {"refresh-token": "S3CR3T"} | settings
    return {"auth-provider": {"name": "oidc", "config": config}}


@pytest.mark.parametrize("expired", [{}, {"id-token": jwt(1.0)}])
def test_a_token_of_oidc_that_has_expired_is_renewed(
    connected: Callable[..., KubernetesCluster],
    server: Recorder,
    company: Scripted,
    expired: dict[str, str],
    tmp_path: Path,
) -> None:
    user = oidc(company, **expired, **{"idp-certificate-authority": str(tmp_path / "idp/ca.crt")})
    assert errors(connected(user), 4) == [None] * 4
    assert len([r for r in company.requests if r.method == "POST"]) == 1
    logins = {asked.login for asked in server.asked}
    assert len(logins) == 1
    assert str(logins.pop()).startswith("Bearer e30.")


def test_a_token_of_oidc_that_is_valid_asks_nobody(
    connected: Callable[..., KubernetesCluster], server: Recorder, company: Scripted
) -> None:
    token = jwt(time.time() + 600)
    assert errors(connected(oidc(company, **{"id-token": token}))) == [None]
    assert company.requests == []
    assert [asked.login for asked in server.asked] == [f"Bearer {token}"]


def test_an_identity_provider_that_nobody_vouches_for_gets_no_refresh_token(
    connected: Callable[..., KubernetesCluster], server: Recorder, company: Scripted
) -> None:
    [error] = errors(connected(oidc(company, **{"id-token": jwt(1.0)})))
    assert isinstance(error, Denied)
    assert "certificate" in error.message.lower()
    assert "S3CR3T" not in error.message
    assert (company.requests, server.asked) == ([], [])


@pytest.mark.parametrize(
    ("provider", "kind", "says"),
    [
        ({"name": "azure"}, ConfigurationError, "the auth-provider `azure` is not known"),
        ({"name": "oidc"}, (ConfigurationError, Denied), "id-token|gave no token"),
        ({"name": "oidc", "config": {"id-token": "x"}}, Denied, "gave no token"),
    ],
)
def test_a_provider_that_gives_nothing_is_an_error(
    connected: Callable[..., KubernetesCluster],
    server: Recorder,
    provider: dict[str, Any],
    kind: type[GitOpsError],
    says: str,
) -> None:
    [error] = errors(connected({"auth-provider": provider}))
    assert isinstance(error, kind)
    with pytest.raises(kind, match=says):
        raise error
    assert server.asked == []
