"""Where credentials come from, and that no message holds one."""

from __future__ import annotations

import base64
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from gitops_cli.domain.errors import ConfigurationError, Denied, GitOpsError
from gitops_cli.registry import credentials
from gitops_cli.registry.credentials import (
    Credentials,
    credential_files,
    find_credentials,
)
from tests.testbed.patience import HANGING

HOST = "registry.example.com:5000"
SECRET = "tr0ub4dor"


def packed(user: str = "ada", password: str = SECRET) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def write(file: Path, content: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def docker(home: Path, content: Any) -> Path:
    return write(home / ".docker" / "config.json", content)


def found(home: Path, host: str = HOST, path: str = "team/web", **more: str) -> Credentials | None:
    programs = f"{home / 'bin'}:{os.environ['PATH']}"
    return find_credentials(host, path, {"HOME": str(home), "PATH": programs, **more})


def helper(directory: Path, name: str, script: str) -> None:
    program = write(directory / f"docker-credential-{name}", f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_nobody_is_logged_in(home: Path) -> None:
    assert found(home) is None


@pytest.mark.parametrize(
    "key",
    [HOST, f"https://{HOST}", f"https://{HOST}/v1/", f"http://{HOST}/v2/", f"{HOST}/"],
)
def test_docker_writes_hosts_in_many_forms(home: Path, key: str) -> None:
    docker(home, {"auths": {key: {"auth": packed()}}})

    seen = found(home)

    assert seen is not None
    assert (seen.username, seen.password) == ("ada", SECRET)
    assert seen.basic == f"Basic {packed()}"


@pytest.mark.parametrize("key", ["https://index.docker.io/v1/", "docker.io", "index.docker.io"])
def test_docker_hub_has_several_names(home: Path, key: str) -> None:
    docker(home, {"auths": {key: {"auth": packed()}}})

    assert found(home, host="docker.io", path="library/nginx") is not None
    assert found(home) is None


def test_the_most_specific_entry_is_meant(home: Path) -> None:
    entries = {HOST: packed("all"), f"{HOST}/team": packed("team"), f"{HOST}/te": packed("no")}
    docker(home, {"auths": {key: {"auth": auth} for key, auth in entries.items()}})

    names = [found(home, path=path) for path in ("team/web", "other/web")]

    assert [c and c.username for c in names] == ["team", "all"]


def test_a_password_may_hold_colons(home: Path) -> None:
    docker(home, {"auths": {HOST: {"auth": packed(password="a:b:c")}}})

    credentials = found(home)

    assert credentials is not None
    assert credentials.password == "a:b:c"


def test_tokens_are_read_too(home: Path) -> None:
    docker(home, {"auths": {HOST: {"identitytoken": "identity", "registrytoken": "registry"}}})

    credentials = found(home)

    assert credentials is not None
    assert (credentials.identity_token, credentials.registry_token) == ("identity", "registry")


def test_the_order_of_the_files(home: Path) -> None:
    environ = {
        "HOME": str(home),
        "REGISTRY_AUTH_FILE": str(home / "explicit.json"),
        "DOCKER_CONFIG": str(home / "docker"),
        "XDG_RUNTIME_DIR": str(home / "run"),
    }

    assert [str(file.relative_to(home)) for file in credential_files(environ)] == [
        "explicit.json",
        "docker/config.json",
        "run/containers/auth.json",
        ".config/containers/auth.json",
    ]
    assert list(credential_files({"HOME": str(home)})) == [
        Path(f"/run/containers/{os.getuid()}/auth.json"),
        home / ".config" / "containers" / "auth.json",
        home / ".docker" / "config.json",
    ]


def test_podmans_file_goes_before_dockers(home: Path) -> None:
    docker(home, {"auths": {HOST: {"auth": packed("docker")}}})
    write(home / "auth.json", {"auths": {HOST: {"auth": packed("podman")}}})

    first = found(home, REGISTRY_AUTH_FILE=str(home / "auth.json"))
    second = found(home)

    assert first is not None
    assert second is not None
    assert (first.username, second.username) == ("podman", "docker")


def test_a_helper_is_asked_for_its_host(home: Path) -> None:
    answer = json.dumps({"ServerURL": HOST, "Username": "ada", "Secret": SECRET})
    script = f'[ "$1" = get ] && [ "$(cat)" = "{HOST}" ] && echo \'{answer}\''
    helper(home / "bin", "vault", script)
    docker(home, {"credHelpers": {HOST: "vault"}})

    credentials = found(home)

    assert credentials == Credentials("docker-credential-vault", "ada", SECRET)
    assert found(home, host="other.example.com") is None


def test_a_store_serves_all_hosts_and_knows_docker_hubs_name(home: Path) -> None:
    script = """printf '{"Username": "<token>", "Secret": "%s"}' "$(cat)" """
    helper(home / "bin", "desktop", script)
    docker(home, {"credsStore": "desktop", "auths": {HOST: {}}})

    hub = found(home, host="docker.io")

    assert hub is not None
    assert (hub.username, hub.identity_token) == (None, "https://index.docker.io/v1/")


@pytest.mark.parametrize("key", ["https://index.docker.io/v1/", "docker.io"])
def test_a_helper_of_docker_hub_has_its_names_too(home: Path, key: str) -> None:
    helper(home / "bin", "hub", """echo '{"Username": "ada", "Secret": "x"}'""")
    docker(home, {"credHelpers": {key: "hub"}})

    assert found(home, host="docker.io", path="library/nginx") == Credentials(
        "docker-credential-hub", "ada", "x"
    )


def test_a_store_without_the_host_leaves_the_file(home: Path) -> None:
    script = "echo 'credentials not found in native keychain'; exit 1"
    helper(home / "bin", "desktop", script)
    docker(home, {"credsStore": "desktop", "auths": {HOST: {"auth": packed()}}})

    credentials = found(home)

    assert credentials is not None
    assert credentials.username == "ada"


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param(f"echo the secret is {SECRET}; exit 3", "exit code 3", id="fails"),
        pytest.param(f"echo {SECRET}", "is not what helpers say", id="nonsense"),
        pytest.param(f'echo \'{{"Secret": "{SECRET}"}}\'', "is not what helpers", id="half"),
    ],
)
def test_a_broken_helper_is_named_and_not_quoted(home: Path, script: str, expected: str) -> None:
    helper(home / "bin", "vault", script)
    docker(home, {"credHelpers": {HOST: "vault"}})

    with pytest.raises(Denied, match="docker-credential-vault") as caught:
        found(home)

    assert expected in caught.value.message
    assert_no_secret(caught.value)


def test_a_missing_helper_says_which(home: Path) -> None:
    file = docker(home, {"credHelpers": {HOST: "nowhere"}})

    with pytest.raises(ConfigurationError, match="docker-credential-nowhere") as caught:
        found(home)

    assert str(file) in caught.value.message


def test_a_helper_is_a_name_and_no_path(home: Path) -> None:
    docker(home, {"credHelpers": {HOST: "x/../../evil"}})

    with pytest.raises(ConfigurationError, match="not the name of a credential helper"):
        found(home)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(f'{{"auths":\n{{"x": "{SECRET}"', "config.json:2: is not JSON", id="cut"),
        pytest.param(f'["{SECRET}"]', "config.json:1: is not a JSON object", id="list"),
        pytest.param({"auths": [SECRET]}, "`auths` is not an object", id="auths"),
        pytest.param({"auths": {HOST: {"auth": f"%{SECRET}"}}}, "is not base64", id="base64"),
        pytest.param({"auths": {HOST: {"auth": f"é{SECRET}"}}}, "is not base64", id="not ASCII"),
        pytest.param({"auths": {HOST: {"auth": "/w=="}}}, "is not base64 text", id="no UTF-8"),
        pytest.param({"auths": SECRET}, "`auths` is not an object", id="auths a text"),
        pytest.param({"auths": 0}, "`auths` is not an object", id="auths a number"),
        pytest.param({"auths": {HOST: SECRET}}, f"`auths` of {HOST} is not an", id="entry a text"),
        pytest.param(
            {"auths": {HOST: [SECRET]}}, f"`auths` of {HOST} is not an", id="entry a list"
        ),
        pytest.param({"auths": {HOST: {"auth": 5}}}, f"`auth` of {HOST} is not a t", id="number"),
        pytest.param(
            {"auths": {HOST: {"username": [SECRET]}}}, "`username` of", id="user name a list"
        ),
        pytest.param(
            {"auths": {HOST: {"username": "a", "password": f"{SECRET}\ud800"}}},
            f"`password` of {HOST} is not a text",
            id="half a character",
        ),
        pytest.param({"credHelpers": {HOST: 5}}, "of credHelpers is not a text", id="helper"),
        pytest.param({"credHelpers": [SECRET]}, "`credHelpers` is not an object", id="helpers"),
        pytest.param({"credsStore": {SECRET: 1}}, "`credsStore` of it is not a text", id="store"),
        pytest.param('{"auths": ' + "[" * 100_000, "no JSON that can be read", id="deep"),
        pytest.param('{"auths": ' + "9" * 5_000 + "}", "no JSON that can be read", id="number"),
        pytest.param(f'"{SECRET * 200_000}"', "is larger than", id="large"),
    ],
)
def test_a_broken_file_is_named_and_not_quoted(home: Path, content: Any, expected: str) -> None:
    docker(home, content)

    with pytest.raises(ConfigurationError) as caught:
        found(home)

    assert expected in caught.value.message
    assert_no_secret(caught.value)


def test_credentials_do_not_show_themselves() -> None:
    credentials = Credentials("a file", "ada", SECRET, SECRET, SECRET)

    assert SECRET not in repr(credentials)


def assert_no_secret(error: GitOpsError) -> None:
    chain: BaseException | None = error
    while chain is not None:
        assert SECRET not in repr(chain.args)
        chain = chain.__cause__


@pytest.mark.parametrize(
    "script",
    [
        "yes tr0ub4dor",
        "exec sleep 30 & echo '{'",
        """echo '{"Username": 5, "Secret": "tr0ub4dor"}'""",
        r"""printf '{"Username": "a", "Secret": "tr0ub4dor\\ud800"}'""",
        "head -c 200000 /dev/zero | tr '\\0' '['",
    ],
    ids=["endless", "its output held open", "number", "half a character", "deep"],
)
def test_what_a_helper_says_is_bounded_in_size_and_time(
    home: Path, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "HELPER_SECONDS", 1.0)
    helper(home / "bin", "odd", script)
    docker(home, {"credHelpers": {HOST: "odd"}})
    begin = time.monotonic()

    with pytest.raises(Denied, match="docker-credential-odd") as caught:
        found(home)

    assert time.monotonic() - begin < HANGING
    assert_no_secret(caught.value)
