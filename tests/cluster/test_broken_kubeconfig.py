"""Kubeconfigs that are wrong: one error each, that names the file and shows no value."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gitops_cli.cluster.identity import Identity
from gitops_cli.cluster.kubeconfig import find_access
from gitops_cli.cluster.site import site_of
from gitops_cli.domain.errors import ConfigurationError
from tests.cluster.test_kubeconfig import V1, kubeconfig


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
    "not UTF-8": ("a: \udcff", "not YAML: it is no UTF-8 text"),
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
