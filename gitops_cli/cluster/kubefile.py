"""One kubeconfig file, read strictly: kubectl's types for everything that means something to it.

A value of the wrong type anywhere is an error, as it is to kubectl, and names the field; what
kubectl does not know is passed over. No message has a value: it may be a secret.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.domain.text import one_line
from gitops_cli.plain_yaml import NotPlain, plain

MOST_BYTES = 16 * 1024 * 1024
PARTS = ("clusters", "users", "contexts")


class PemSource(NamedTuple):
    """A certificate or key: a file, or the bytes themselves."""

    path: Path | None = None
    data: bytes | None = None

    def read(self) -> bytes:
        """Return its bytes; raises ConfigurationError."""
        return self.data if self.data is not None else read_bounded(self.path or Path())


class NamedPart(NamedTuple):
    """A named part of a kubeconfig; `place` is the file and the path in it, for messages."""

    file: Path
    place: str
    name: str
    content: Mapping[str, Any]

    def text(self, key: str) -> str | None:
        """Return a text that is not empty."""
        return self.content.get(key) or None

    def flag(self, key: str) -> bool:
        """Return whether it is said to be so."""
        return self.content.get(key) is True

    def path(self, key: str) -> Path | None:
        """Return a file; a relative one lies beside the kubeconfig."""
        value = self.text(key)
        return None if value is None else beside(self.file, value)

    def pem(self, key: str) -> PemSource | None:
        """Return what `key` names or `key`-data has; the data wins."""
        data = self.text(f"{key}-data")
        if data is None:
            file = self.path(key)
            return None if file is None else PemSource(path=file)
        try:
            return PemSource(data=base64.b64decode("".join(data.split()), validate=True))
        except (binascii.Error, ValueError) as error:
            raise ConfigurationError(f"{self.place}.{key}-data: is not base64") from error


class KubeFile(NamedTuple):
    """What one file has: its current context, and the entries of each of PARTS by their names."""

    current: str | None
    parts: Mapping[str, Mapping[str, NamedPart]]


def read_kubefile(file: Path) -> KubeFile:
    """Return the content of a kubeconfig file; raises ConfigurationError."""
    content = _document(file)
    _check(file, content, _FILE, "")
    version, kind = content.get("apiVersion") or "v1", content.get("kind") or "Config"
    if (version, kind) != ("v1", "Config"):
        raise ConfigurationError(f"{file}: is a {one_line(f'{version} {kind}')}, no kubeconfig")
    parts = {part: _entries(file, part, content.get(part) or ()) for part in PARTS}
    return KubeFile(content.get("current-context") or None, parts)


def beside(file: Path, value: str) -> Path:
    """Return the path that `value` means in `file`."""
    return file.parent / value


def is_there(file: Path) -> bool:
    """Tell whether there is such a file; what may not be known, reading it tells."""
    try:
        file.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: no such path can be
        return False
    except OSError:
        return True
    return True


def read_bounded(file: Path) -> bytes:
    """Return a file's bytes, if they are not too many; raises ConfigurationError."""
    try:
        with file.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: no such path can be
        why = error.strerror if isinstance(error, OSError) else None
        raise ConfigurationError(f"{one_line(str(file))}: {why or error}") from error
    if len(data) > MOST_BYTES:
        raise ConfigurationError(f"{file}: is larger than {MOST_BYTES >> 20} MiB")
    return data


def _document(file: Path) -> Mapping[str, Any]:
    try:
        content = plain(read_bounded(file))
    except NotPlain as error:
        line = "" if error.line is None else f":{error.line}"
        raise ConfigurationError(
            f"{file}{line}: {error}",
            hint="is it the file you mean? `echo $KUBECONFIG`, and see `kubectl config view`",
        ) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigurationError(f"{file}: is not a kubeconfig")
    return content


def _entries(file: Path, part: str, items: Any) -> Mapping[str, NamedPart]:
    found: dict[str, NamedPart] = {}
    for number, item in enumerate(items):
        name = item.get("name")
        if not name:
            raise ConfigurationError(f"{file}: {part}[{number}]: has no name")
        if name in found:
            raise ConfigurationError(f"{file}: {part}: `{one_line(name)}` stands there twice")
        content = item.get(part[:-1]) or {}
        place = f"{file}: {part}[{number}].{part[:-1]}"
        found[name] = NamedPart(file, place, name, content)
    return found


class _List(NamedTuple):
    of: Any


class _Each(NamedTuple):
    """A mapping whose keys are anybody's."""

    of: Any


_ANY, _TEXT, _FLAG = object(), str, bool
_EXTENSIONS = _List({"name": _TEXT, "extension": _ANY})
_CLUSTER = {
    "server": _TEXT,
    "tls-server-name": _TEXT,
    "insecure-skip-tls-verify": _FLAG,
    "certificate-authority": _TEXT,
    "certificate-authority-data": _TEXT,
    "proxy-url": _TEXT,
    "disable-compression": _FLAG,
    "extensions": _EXTENSIONS,
}
_EXEC = {
    "apiVersion": _TEXT,
    "command": _TEXT,
    "args": _List(_TEXT),
    "env": _List({"name": _TEXT, "value": _TEXT}),
    "installHint": _TEXT,
    "provideClusterInfo": _FLAG,
    "interactiveMode": _TEXT,
}
_USER = {
    "client-certificate": _TEXT,
    "client-certificate-data": _TEXT,
    "client-key": _TEXT,
    "client-key-data": _TEXT,
    "token": _TEXT,
    "tokenFile": _TEXT,
    "as": _TEXT,
    "as-uid": _TEXT,
    "as-groups": _List(_TEXT),
    "as-user-extra": _Each(_List(_TEXT)),
    "username": _TEXT,
    "password": _TEXT,
    "auth-provider": {"name": _TEXT, "config": _Each(_TEXT)},
    "exec": _EXEC,
    "extensions": _EXTENSIONS,
}
_CONTEXT = {"cluster": _TEXT, "user": _TEXT, "namespace": _TEXT, "extensions": _EXTENSIONS}
_FILE = {
    "apiVersion": _TEXT,
    "kind": _TEXT,
    "current-context": _TEXT,
    "clusters": _List({"name": _TEXT, "cluster": _CLUSTER}),
    "users": _List({"name": _TEXT, "user": _USER}),
    "contexts": _List({"name": _TEXT, "context": _CONTEXT}),
}


def _check(file: Path, value: Any, shape: Any, path: str) -> None:
    """Raise ConfigurationError where a value has not its shape's type; null is always right."""
    if value is None or shape is _ANY:
        return
    if isinstance(shape, _List):
        _expect(file, value, list, path)
        for number, item in enumerate(value):
            empty: Any = {} if isinstance(shape.of, dict) else ""
            value[number] = empty if item is None else item  # null is what Go takes for empty
            _check(file, value[number], shape.of, f"{path}[{number}]")
    elif isinstance(shape, _Each):
        _expect(file, value, dict, path)
        for key, item in value.items():
            _check(file, item, shape.of, f"{path}.{key}")
    elif isinstance(shape, dict):
        _expect(file, value, dict, path)
        for key in shape.keys() & value.keys():
            _check(file, value[key], shape[key], f"{path}.{key}" if path else key)
    else:
        _expect(file, value, shape, path)


_WORDS: Mapping[type, str] = {
    str: "a text",
    bool: "true or false",  # before the numbers: to Python it is one
    list: "a list",
    dict: "a mapping",
    int: "a number",
    float: "a number",
}


def _expect(file: Path, value: Any, kind: type, path: str) -> None:
    if isinstance(value, kind):
        return
    is_ = next(words for type_, words in _WORDS.items() if isinstance(value, type_))
    quoted = "; put it in quotes" if kind is str and isinstance(value, (int, float)) else ""
    raise ConfigurationError(f"{file}: {one_line(path)}: must be {_WORDS[kind]}, not {is_}{quoted}")


def header_value(text: str, where: str) -> str:
    """Return a secret as it can stand in a header, without the white space around it.

    Raises ConfigurationError, whose message has `where` and nothing of the secret.
    """
    value = text.strip()
    if any(character < " " or character == "\x7f" for character in value):
        raise ConfigurationError(f"{where}: has control characters and cannot be sent")
    return value


def home(variables: Mapping[str, str]) -> Path | None:
    """Return the user's home directory; None where nobody knows one, as in many containers."""
    try:
        return Path(variables.get("HOME") or "~").expanduser()
    except RuntimeError:
        return None


def absolute(path: str | os.PathLike[str]) -> Path:
    """Return the path, absolute, with the home directory of `~` where there is one."""
    given = Path(path)
    try:
        return given.expanduser().absolute()
    except RuntimeError:
        return given.absolute()
