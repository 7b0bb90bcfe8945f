"""A credential is sent as it was meant, or not at all; and never shown."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops_cli.cluster.connection import connect
from gitops_cli.domain.cluster.workload import Target
from gitops_cli.domain.errors import ConfigurationError, GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Kind
from tests.cluster.recorder import Recorder

SECRET = "S3CR3T"
SHOP = Target(EnvironmentName("shop-dev"), frozenset({Kind.DEPLOYMENT}), pods=False)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Recorder]:
    with Recorder(tmp_path / "server") as recorder:
        yield recorder


def login(
    server: Recorder, directory: Path, user: dict[str, Any], **more: str
) -> GitOpsError | None:
    """Ask for Deployments as `user`; return what that failed with."""
    cluster = {"server": server.url, "certificate-authority": str(server.ca_file), **more}
    file = directory / "kubeconfig"
    content = {
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    file.write_text(yaml.safe_dump(content))
    try:
        connected = connect(kubeconfig=file)
    except GitOpsError as error:
        return error
    try:
        [seen] = connected.observe([SHOP]).values()
    except GitOpsError as error:
        return error
    finally:
        connected.close()
    return seen.errors.get(Kind.DEPLOYMENT)


def in_the_kubeconfig(directory: Path, token: str) -> dict[str, Any]:
    return {"token": token}


def in_a_file(directory: Path, token: str) -> dict[str, Any]:
    (directory / "token").write_text(token)
    return {"tokenFile": "token"}


def from_a_plugin(directory: Path, token: str) -> dict[str, Any]:
    version = "client.authentication.k8s.io/v1"
    answer = {"apiVersion": version, "kind": "ExecCredential", "status": {"token": token}}
    script = directory / "plugin"
    script.write_text(f"#!{sys.executable}\nprint({json.dumps(json.dumps(answer))})")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return {"exec": {"apiVersion": version, "command": str(script), "interactiveMode": "Never"}}


PLACES = (in_the_kubeconfig, in_a_file, from_a_plugin)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("token", [f"{SECRET}\n", f" {SECRET}\r\n", f"\t{SECRET}"])
def test_white_space_around_a_token_is_not_part_of_it(
    server: Recorder, tmp_path: Path, place: Any, token: str
) -> None:
    assert login(server, tmp_path, place(tmp_path, token)) is None
    assert {request.login for request in server.asked} == {f"Bearer {SECRET}"}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("inside", ["\n", "\r\n x: y", "\x00", "\x1b", "\x7f"])
def test_a_token_that_cannot_be_sent_is_an_error_without_it(
    server: Recorder, tmp_path: Path, place: Any, inside: str
) -> None:
    error = login(server, tmp_path, place(tmp_path, f"{SECRET}{inside}{SECRET}"))
    assert isinstance(error, ConfigurationError)
    assert "control characters" in error.message
    assert SECRET not in f"{error.message}{error.hint}"
    assert server.asked == []


def test_who_is_impersonated_cannot_add_a_header(server: Recorder, tmp_path: Path) -> None:
    error = login(server, tmp_path, {"token": "t", "as": "jane\r\nImpersonate-Group: admins"})
    assert isinstance(error, ConfigurationError)
    assert server.asked == []


def test_a_name_of_any_alphabet_is_sent(
    server: Recorder, tmp_path: Path, way: dict[str, str]
) -> None:
    assert login(server, tmp_path, {"token": "t", "as": "Ω"}, **way) is None
    [asked] = server.asked
    assert [v.encode("latin-1").decode() for v in asked.all("impersonate-user")] == ["Ω"]
