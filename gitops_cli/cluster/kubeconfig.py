"""Which API server, and as whom: kubeconfig files, or the ServiceAccount of a pod.

Rules as in kubectl: of several files the first that names something wins, and relative paths
belong to the file they stand in. Over plain HTTP credentials go to this machine only.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from gitops_cli.cluster.kubefile import (
    PARTS,
    NamedPart,
    PemSource,
    absolute,
    header_value,
    home,
    is_there,
    read_kubefile,
)
from gitops_cli.cluster.plugins import Plugin, plugin_of
from gitops_cli.cluster.proxies import NamedProxy, proxy_of_environment, proxy_of_kubeconfig
from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.domain.near import did_you_mean
from gitops_cli.domain.text import one_line
from gitops_cli.web.address import Address, parse_address

__all__ = ["Access", "PemSource", "Provider", "find_access", "header_value", "in_cluster"]

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
# What a header's name may have; client-go escapes the rest of an impersonation's keys.
_TOKEN = re.compile(rb"[!#$&'*+.^_`|~0-9A-Za-z-]")


class Provider(NamedTuple):
    """A kubeconfig's auth-provider: its name and settings, which are secrets."""

    name: str
    settings: Mapping[str, str]
    file: Path

    def __repr__(self) -> str:
        return f"Provider({self.name!r})"


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach and enter one cluster.

    `basic` is user name and password; `plugin` or `provider` is how to log in where nothing else
    is said. `withheld` names what the kubeconfig has and plain HTTP must not carry.
    """

    server: str
    context: str | None = None
    ca: PemSource | None = None
    verify: bool = True
    server_name: str | None = None
    proxy: NamedProxy | None = None
    certificate: PemSource | None = None
    key: PemSource | None = None
    token: str | None = field(default=None, repr=False)
    token_file: Path | None = None
    basic: str | None = field(default=None, repr=False)
    plugin: Plugin | None = None
    provider: Provider | None = None
    impersonate: tuple[tuple[str, str], ...] = ()
    withheld: tuple[str, ...] = ()

    @property
    def beyond(self) -> tuple[str, ...]:
        """Return the words for what has to log in first: the long connection."""
        words = {"exec": self.plugin, "auth-provider": self.provider}
        return tuple(word for word, value in words.items() if value is not None)

    def as_bearer(self, token: str) -> Access:
        """Return the access of another identity: this token, and nothing the user has."""
        return replace(
            _without_credentials(self),
            token=header_value(token, "the token"),
            impersonate=(),
            withheld=(),
        )


def find_access(
    context: str | None = None,
    kubeconfig: Path | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    declared: bool = False,
) -> Access:
    """Return the access of a context, by default the current one; raises ConfigurationError.

    `kubeconfig` replaces $KUBECONFIG and ~/.kube/config. Without any file and in a pod it is the
    ServiceAccount's, also for a context that is only `declared`.
    """
    variables = os.environ if environment is None else environment
    files = _files(kubeconfig, variables)
    existing = tuple(file for file in files if is_there(file))
    anyone = context is None or declared
    if not existing and kubeconfig is None and anyone and _in_pod(variables):
        return in_cluster(variables)
    if not existing:
        missing = f"{_joined(files)} does not exist" if files else "HOME is not set"
        raise ConfigurationError(
            f"no kubeconfig: {missing}", hint="pass --kubeconfig FILE, or set KUBECONFIG"
        )
    return _access(_Merged(existing), context, variables)


def _files(kubeconfig: Path | None, variables: Mapping[str, str]) -> list[Path]:
    if kubeconfig is not None:
        return [absolute(kubeconfig)]
    listed = [part for part in variables.get("KUBECONFIG", "").split(os.pathsep) if part]
    if listed:
        return list(dict.fromkeys(absolute(part) for part in listed))
    directory = home(variables)
    return [] if directory is None else [directory / ".kube" / "config"]


class _Merged:
    """Several kubeconfig files read as one."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = tuple(files)
        read = [read_kubefile(file) for file in files]
        self.current = next((file.current for file in read if file.current), None)
        self.parts: dict[str, dict[str, NamedPart]] = {
            part: {
                name: entry for file in reversed(read) for name, entry in file.parts[part].items()
            }
            for part in PARTS
        }

    def entry(self, part: str, name: str, wanted_by: str) -> NamedPart:
        found = self.parts[part].get(name)
        if found is not None:
            return found
        raise ConfigurationError(
            f"{_joined(self.files)}: no {part[:-1]} `{one_line(name)}`{wanted_by}",
            hint=did_you_mean(name, map(one_line, self.parts[part]))
            or f"{part}: {self.names(part)}",
        )

    def names(self, part: str) -> str:
        return ", ".join(sorted(map(one_line, self.parts[part]))) or "none"


def _access(merged: _Merged, context: str | None, variables: Mapping[str, str]) -> Access:
    name = context or merged.current
    if name is None:
        raise ConfigurationError(
            f"{_joined(merged.files)}: no current context",
            hint=f"pass --context NAME; contexts: {merged.names('contexts')}",
        )
    chosen = merged.entry("contexts", name, "")
    wanted_by = f", which context `{one_line(name)}` names"
    cluster = merged.entry("clusters", chosen.text("cluster") or "", wanted_by)
    user_name = chosen.text("user")
    user = (
        merged.entry("users", user_name, wanted_by)
        if user_name is not None
        else NamedPart(chosen.file, chosen.place, "", {})
    )
    return _permitted(_reached(name, cluster, variables), user, cluster)


def _reached(context: str, cluster: NamedPart, variables: Mapping[str, str]) -> Access:
    """Return the access to a server as nobody."""
    address, basic = _server(cluster)
    server = str(address)
    verify = not cluster.flag("insecure-skip-tls-verify")
    proxy_url = cluster.text("proxy-url")
    proxy = (
        proxy_of_kubeconfig(proxy_url, f"{cluster.place}.proxy-url")
        if proxy_url is not None
        else proxy_of_environment(server, variables)
    )
    ca = cluster.pem("certificate-authority")
    if ca is not None and not verify:
        raise ConfigurationError(f"{cluster.place}: has authorities, and trusts without any")
    server_name = cluster.text("tls-server-name")
    if server_name is not None and not re.fullmatch(r"[\w:][\w.:-]*", server_name):
        raise ConfigurationError(f"{cluster.place}.tls-server-name: is not the name of a host")
    return Access(
        server,
        context,
        ca=ca,
        verify=verify,
        server_name=server_name,
        proxy=proxy,
        basic=basic,
    )


def _permitted(access: Access, user: NamedPart, cluster: NamedPart) -> Access:
    """Return the access as this user, without what plain HTTP must not carry."""
    token, token_file, basic = _token(user), user.path("tokenFile"), _basic(user)
    if token is not None and basic is not None:
        raise ConfigurationError(f"{user.place}: has both a token and a user name or password")
    plugin, provider = plugin_of(user, cluster), _provider(user)
    if plugin is not None and provider is not None:
        raise ConfigurationError(f"{user.place}: has both `exec` and `auth-provider`")
    said = token or token_file or basic or access.basic
    certificate = user.pem("client-certificate")
    entered = replace(
        access,
        token=token,
        token_file=token_file,
        basic=basic or access.basic,
        certificate=certificate,
        key=user.pem("client-key"),
        plugin=None if said or certificate else plugin,
        provider=None if said else provider,
        impersonate=_impersonation(user),
    )
    if parse_address(access.server).is_private:
        return entered
    words = {
        "token": entered.token,
        "tokenFile": entered.token_file,
        "password": entered.basic,
        "exec": entered.plugin,
        "auth-provider": entered.provider,
    }
    withheld = tuple(word for word, value in words.items() if value is not None)
    return replace(_without_credentials(entered), withheld=withheld)


def _without_credentials(access: Access) -> Access:
    return replace(
        access,
        token=None,
        token_file=None,
        basic=None,
        certificate=None,
        key=None,
        plugin=None,
        provider=None,
    )


def _server(cluster: NamedPart) -> tuple[Address, str | None]:
    """Return the address, clean, and the user name and password that the URL has."""
    text = cluster.text("server") or ""
    where = f"{cluster.place}.server"
    if not re.match("https?://", text, re.IGNORECASE):
        meant = f"write https://{text}" if text and "://" not in text else None
        raise ConfigurationError(
            f"{where}: has no https URL (cluster `{one_line(cluster.name)}`)", hint=meant
        )
    try:
        url = urlsplit(text)
        host = url.netloc.rpartition("@")[2]
        address = parse_address(f"{url.scheme}://{host}{url.path.rstrip('/')}")
    except ValueError as error:
        raise ConfigurationError(f"{where}: is no URL of a server") from error
    basic = None if url.username is None else f"{url.username}:{url.password or ''}"
    return address, basic and unquote(basic)


def _token(user: NamedPart) -> str | None:
    token = user.text("token")
    return None if token is None else header_value(token, f"{user.place}.token")


def _basic(user: NamedPart) -> str | None:
    name, password = user.text("username"), user.text("password")
    return None if name is None and password is None else f"{name or ''}:{password or ''}"


def _provider(user: NamedPart) -> Provider | None:
    found = user.content.get("auth-provider")
    if found is None:
        return None
    settings = {key: value or "" for key, value in (found.get("config") or {}).items()}
    return Provider(found.get("name") or "", settings, user.file)


def _impersonation(user: NamedPart) -> tuple[tuple[str, str], ...]:
    headers: list[tuple[str, str]] = []
    for key, header in (("as", "Impersonate-User"), ("as-uid", "Impersonate-Uid")):
        value = user.text(key)
        if value is not None:
            headers.append((header, value))
    headers += [("Impersonate-Group", g or "") for g in user.content.get("as-groups") or ()]
    extra = user.content.get("as-user-extra") or {}
    headers += [
        (f"Impersonate-Extra-{_escaped(key)}", value or "")
        for key, values in extra.items()
        for value in values or ()
    ]
    if headers and user.text("as") is None:
        raise ConfigurationError(f"{user.place}: impersonates groups or more without a user (`as`)")
    where = f"{user.place}: the impersonation"
    return tuple((name, header_value(value, where)) for name, value in headers)


def _escaped(key: str) -> str:
    """Return a key as a header's name can have it; the API server takes the escapes back."""
    return "".join(
        chr(byte) if _TOKEN.match(bytes([byte])) else f"%{byte:02X}" for byte in key.encode()
    )


def basic_header(basic: str) -> str:
    """Return the value of the header for `user:password`."""
    return "Basic " + base64.b64encode(basic.encode()).decode()


def _in_pod(variables: Mapping[str, str]) -> bool:
    return bool(variables.get("KUBERNETES_SERVICE_HOST")) and bool(
        variables.get("KUBERNETES_SERVICE_PORT")
    )


def in_cluster(variables: Mapping[str, str], directory: Path = SERVICE_ACCOUNT) -> Access:
    """Return the access that a pod's ServiceAccount has; raises ConfigurationError."""
    token = directory / "token"
    if not is_there(token):
        raise ConfigurationError(
            f"in a pod without {token}",
            hint="give the pod a serviceAccountName, or pass --kubeconfig FILE",
        )
    host, port = variables["KUBERNETES_SERVICE_HOST"], variables["KUBERNETES_SERVICE_PORT"]
    address = f"[{host}]" if ":" in host else host
    return Access(
        f"https://{address}:{port}",
        ca=PemSource(path=directory / "ca.crt"),
        token_file=token,
    )


def _joined(files: Sequence[Path]) -> str:
    return ", ".join(one_line(str(file)) for file in files)
