"""kubeconfigs: where they lead and who goes there is what they say, or an error without secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from gitops_cli.cluster.connection import connect
from gitops_cli.cluster.kubeconfig import find_access
from gitops_cli.domain.errors import ConfigurationError, Denied
from tests.fuzz.broken import as_json, documents, texts

pytestmark = pytest.mark.sweep

SECRET = "do-not-tell"
RIGHT: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "prod",
    "contexts": [
        {"name": "prod", "context": {"cluster": "eu", "user": "ada", "namespace": "shop"}},
        {"name": "dev", "context": {"cluster": "eu", "user": "bot"}},
    ],
    "clusters": [
        {
            "name": "eu",
            "cluster": {
                "server": "https://127.0.0.1:6443",
                "insecure-skip-tls-verify": True,
                "tls-server-name": "eu.example.com",
                "proxy-url": "http://127.0.0.1:3128",
            },
        }
    ],
    "users": [
        {"name": "ada", "user": {"token": SECRET, "as": "root", "as-groups": ["admins"]}},
        {"name": "bot", "user": {"username": "bot", "password": SECRET}},
        {
            "name": "cloud",
            "user": {
                "exec": {
                    "apiVersion": "client.authentication.k8s.io/v1",
                    "command": "no-such-plugin",
                    "args": ["token"],
                    "env": [{"name": "A", "value": "b"}],
                    "interactiveMode": "Never",
                }
            },
        },
    ],
}
AS_YAML = yaml.safe_dump(RIGHT).encode()
BROKEN = documents(RIGHT).map(as_json) | texts(AS_YAML)


def named(content: Any, part: str, name: object) -> Any:
    """Return an entry of a kubeconfig; of several the first, as kubectl has it."""
    entries = content[part]
    return next(each[part[:-1]] for each in entries if each["name"] == name)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kube") / "config"


@given(BROKEN, st.sampled_from([None, "prod", "dev"]))
@example(b"clusters: 5\n", None)
@example(b"a: &a [*a]\n", None)
@example(b"a: &a [x,x,x]\nb: &b [*a,*a,*a]\nc: &c [*b,*b,*b]\nd: [*c,*c,*c]\n", None)
@example(b"[" * 100_000, None)
@example(b"? [a]\n: b\n", None)
@example(b"current-context: 2026-02-30\n", None)
@example(b"!!python/object/apply:os.system ['id']\n", None)
def test_a_kubeconfig_leads_where_it_says(file: Path, data: bytes, context: str | None) -> None:
    file.write_bytes(data)
    try:
        access = find_access(context, file)
        connect(context, file).close()
    except (ConfigurationError, Denied) as error:
        assert SECRET not in f"{error} {error.hint}"  # noqa: PT017 - nothing else may come
        return
    content = yaml.safe_load(data)
    where = named(content, "contexts", access.context)
    server = str(named(content, "clusters", where["cluster"])["server"])
    assert server.split("://")[-1].split("/")[0].lower() in access.server
    assert SECRET not in repr(access)
    if access.token is not None:
        token = named(content, "users", where["user"])["token"]
        assert access.token == token.strip()
