"""Which API server, and as whom: kubeconfig files, or the ServiceAccount of a pod.

Rules as in kubectl: of several files the first that names something wins, and relative paths
belong to the file they stand in. What this module does not know how to use is named in
`Access.beyond`; the `kubernetes` package connects then.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import yaml

from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.domain.text import one_line

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")

_KNOWN_CLUSTER = frozenset(
    {
        "server",
        "certificate-authority",
        "certificate-authority-data",
        "insecure-skip-tls-verify",
        "tls-server-name",
        "disable-compression",
        "extensions",
    }
)
_KNOWN_USER = frozenset(
    {
        "client-certificate",
        "client-certificate-data",
        "client-key",
        "client-key-data",
        "token",
        "tokenFile",
        "as",
        "as-uid",
        "as-groups",
        "as-user-extra",
        "extensions",
    }
)
# The C parser is ten times faster; the package brings it on every usual platform.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Pem(NamedTuple):
    """A certificate or key: a file, or the bytes themselves."""

    path: Path | None = None
    data: bytes | None = None

    def read(self) -> bytes:
        """Return its bytes; raises ConfigurationError."""
        if self.data is not None:
            return self.data
        return _bytes(self.path or Path())


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach and enter one cluster.

    `beyond` has the kubeconfig's words that only the `kubernetes` package knows; `files` is
    where all of it was read.
    """

    server: str
    context: str | None = None
    ca: Pem | None = None
    verify: bool = True
    server_name: str | None = None
    certificate: Pem | None = None
    key: Pem | None = None
    token: str | None = field(default=None, repr=False)
    token_file: Path | None = None
    impersonate: tuple[tuple[str, str], ...] = ()
    beyond: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()


class _Entry(NamedTuple):
    """A named part of a kubeconfig and the file that has it."""

    path: Path
    name: str
    content: Mapping[str, Any]

    def text(self, key: str) -> str | None:
        value = self.content.get(key)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise ConfigurationError(f"{self.path}: `{key}` of `{self.name}` is not a text")
        return value

    def file(self, key: str) -> Path | None:
        value = self.text(key)
        return None if value is None else self.path.parent / Path(value).expanduser()

    def pem(self, key: str) -> Pem | None:
        data = self.text(f"{key}-data")
        if data is None:
            file = self.file(key)
            return None if file is None else Pem(path=file)
        try:
            return Pem(data=base64.b64decode(data, validate=False))
        except binascii.Error as error:
            message = f"{self.path}: `{key}-data` of `{self.name}` is not base64"
            raise ConfigurationError(message) from error


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
    existing = tuple(file for file in files if file.exists())
    anyone = context is None or declared
    if not existing and kubeconfig is None and anyone and _in_pod(variables):
        return in_cluster(variables)
    if not existing:
        raise ConfigurationError(
            f"no kubeconfig: {', '.join(map(str, files))} does not exist",
            hint="pass --kubeconfig FILE, or set KUBECONFIG",
        )
    return _access(_Merged(existing), context, variables)


def _files(kubeconfig: Path | None, variables: Mapping[str, str]) -> list[Path]:
    if kubeconfig is not None:
        return [kubeconfig.expanduser().absolute()]
    listed = [part for part in variables.get("KUBECONFIG", "").split(os.pathsep) if part]
    if listed:
        return list(dict.fromkeys(Path(part).expanduser().absolute() for part in listed))
    return [Path(variables.get("HOME", "~")).expanduser() / ".kube" / "config"]


class _Merged:
    """Several kubeconfig files read as one."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = tuple(files)
        self.current: str | None = None
        self.parts: dict[str, dict[str, _Entry]] = {"clusters": {}, "users": {}, "contexts": {}}
        for file in files:
            self._add(file, _parsed(file))

    def _add(self, file: Path, content: Mapping[str, Any]) -> None:
        current = content.get("current-context")
        if self.current is None and isinstance(current, str) and current:
            self.current = current
        for part, entries in self.parts.items():
            for item in content.get(part) or ():
                if not isinstance(item, dict) or not isinstance(item.get("name"), str):
                    raise ConfigurationError(f"{file}: an entry of `{part}` has no name")
                value = item.get(part[:-1]) or {}
                if not isinstance(value, dict):
                    raise ConfigurationError(f"{file}: `{item['name']}` in `{part}` is no table")
                entries.setdefault(item["name"], _Entry(file, item["name"], value))

    def entry(self, part: str, name: str, wanted_by: str) -> _Entry:
        found = self.parts[part].get(name)
        if found is not None:
            return found
        known = ", ".join(sorted(self.parts[part])) or "none"
        raise ConfigurationError(
            f"{_joined(self.files)}: no {part[:-1]} `{one_line(name)}`{wanted_by}",
            hint=f"{part}: {known}",
        )


def _access(merged: _Merged, context: str | None, variables: Mapping[str, str]) -> Access:
    name = context or merged.current
    if name is None:
        known = ", ".join(sorted(merged.parts["contexts"])) or "none"
        raise ConfigurationError(
            f"{_joined(merged.files)}: no current context",
            hint=f"pass --context NAME; contexts: {known}",
        )
    chosen = merged.entry("contexts", name, "")
    wanted_by = f", which context `{one_line(name)}` names"
    cluster = merged.entry("clusters", chosen.text("cluster") or "", wanted_by)
    user_name = chosen.text("user")
    user = (
        merged.entry("users", user_name, wanted_by)
        if user_name is not None
        else _Entry(chosen.path, "", {})
    )
    server = (cluster.text("server") or "").rstrip("/")
    if urlsplit(server).scheme not in {"http", "https"} or not urlsplit(server).hostname:
        raise ConfigurationError(
            f"{cluster.path}: cluster `{cluster.name}` has no https URL as `server`"
        )
    verify = cluster.content.get("insecure-skip-tls-verify") is not True
    return Access(
        server,
        name,
        ca=cluster.pem("certificate-authority") if verify else None,
        verify=verify,
        server_name=cluster.text("tls-server-name"),
        certificate=user.pem("client-certificate"),
        key=user.pem("client-key"),
        token=_token(user),
        token_file=user.file("tokenFile"),
        impersonate=_impersonation(user),
        beyond=_beyond(cluster, user, server, variables),
        files=merged.files,
    )


def _token(user: _Entry) -> str | None:
    token = user.text("token")
    return None if token is None else header_value(token, f"{user.path}: `token` of `{user.name}`")


def header_value(text: str, where: str) -> str:
    """Return a secret as it can stand in a header, without the white space around it.

    Raises ConfigurationError, whose message has `where` and nothing of the secret.
    """
    value = text.strip()
    if any(character < " " or character == "\x7f" for character in value):
        raise ConfigurationError(f"{where} has control characters and cannot be sent")
    return value


def _impersonation(user: _Entry) -> tuple[tuple[str, str], ...]:
    headers: list[tuple[str, str]] = []
    for key, header in (("as", "Impersonate-User"), ("as-uid", "Impersonate-Uid")):
        value = user.text(key)
        if value is not None:
            headers.append((header, value))
    headers += [("Impersonate-Group", str(g)) for g in user.content.get("as-groups") or ()]
    extra = user.content.get("as-user-extra") or {}
    headers += [(f"Impersonate-Extra-{k}", str(v)) for k, values in extra.items() for v in values]
    where = f"{user.path}: the impersonation of `{user.name}`"
    return tuple((name, header_value(value, where)) for name, value in headers)


def _beyond(
    cluster: _Entry, user: _Entry, server: str, variables: Mapping[str, str]
) -> tuple[str, ...]:
    unknown = [key for key in cluster.content if key not in _KNOWN_CLUSTER]
    unknown += [key for key in user.content if key not in _KNOWN_USER]
    if (variable := _proxy_variable(server, variables)) is not None:
        unknown.append(variable)
    return tuple(unknown)


def _proxy_variable(server: str, variables: Mapping[str, str]) -> str | None:
    """Return the variable that names a proxy for this server; loopback never has one."""
    parts = urlsplit(server)
    host = parts.hostname or ""
    if host == "localhost" or host == "::1" or host.startswith("127."):
        return None
    lower = f"{parts.scheme}_proxy"
    names = (lower, lower.upper(), "all_proxy", "ALL_PROXY")
    return next((name for name in names if variables.get(name)), None)


def _in_pod(variables: Mapping[str, str]) -> bool:
    return bool(variables.get("KUBERNETES_SERVICE_HOST")) and bool(
        variables.get("KUBERNETES_SERVICE_PORT")
    )


def in_cluster(variables: Mapping[str, str], directory: Path = SERVICE_ACCOUNT) -> Access:
    """Return the access that a pod's ServiceAccount has; raises ConfigurationError."""
    token = directory / "token"
    if not token.exists():
        raise ConfigurationError(
            f"in a pod without {token}",
            hint="give the pod a serviceAccountName, or pass --kubeconfig FILE",
        )
    host, port = variables["KUBERNETES_SERVICE_HOST"], variables["KUBERNETES_SERVICE_PORT"]
    address = f"[{host}]" if ":" in host else host
    return Access(
        f"https://{address}:{port}",
        ca=Pem(path=directory / "ca.crt"),
        token_file=token,
        files=(directory,),
    )


def _parsed(file: Path) -> Mapping[str, Any]:
    try:
        content = yaml.load(_bytes(file), Loader=_Loader)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, ValueError) as error:
        mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
        where = f"{file}:{mark.line + 1}" if mark is not None else str(file)
        problem = error.problem if isinstance(error, yaml.MarkedYAMLError) else str(error)
        raise ConfigurationError(
            f"{where}: not YAML: {one_line(problem or str(error))}",
            hint="is it the file you mean? `echo $KUBECONFIG`, and see `kubectl config view`",
        ) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigurationError(f"{file}: is not a kubeconfig")
    return content


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror or error}") from error


def _joined(files: Sequence[Path]) -> str:
    return ", ".join(map(str, files))
