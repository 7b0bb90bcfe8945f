"""The user's config: read strictly into values, and changed without touching the rest of it."""

from __future__ import annotations

import os
import re
import shlex
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.domain.text import one_line
from gitops_cli.domain.values import NamedTuple

if TYPE_CHECKING:
    from gitops_cli.domain.forge_links import ForgeRules
    from gitops_cli.domain.registries import RegistryRules
    from gitops_cli.domain.settings import Defect, Settings

_USER = ("repo", "project", "output", "context")
_TOP = (*_USER, "registry", "forge", "steps", "alias")
_REGISTRY = ("insecure", "ca_file")
_FORGE = ("kind", "token", "url")
_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
_ALIAS = r"[A-Za-z][A-Za-z0-9-]*"

Key = tuple[str, ...]
Value = str | bool | list[str]


class UserConfig(NamedTuple):
    """`$XDG_CONFIG_HOME/gitops/config.toml`: a person's defaults, for use from anywhere.

    `aliases` are words of command lines, `step_variables` what all steps get.
    What `defects` are about is as if it were not said.
    """

    path: Path
    repo: str | None = None
    project: str | None = None
    output: str | None = None
    context: str | None = None
    registries: Mapping[str, RegistryRules] = MappingProxyType({})
    aliases: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    forges: Mapping[str, ForgeRules] = MappingProxyType({})
    step_variables: tuple[str, ...] = ()
    defects: tuple[Defect, ...] = ()

    def wrong(self, *sections: str) -> tuple[Defect, ...]:
        """Return the defects of these keys and tables, and of what may have been meant as one."""
        return tuple(d for d in self.defects if not d.key or _may_be(d.key[0], sections))

    def need(self, *sections: str) -> None:
        """Raise BadSettings if something is wrong with these keys and tables."""
        if wrong := self.wrong(*sections):
            from gitops_cli.domain.settings import BadSettings

            raise BadSettings(*wrong)


def _may_be(key: str, sections: Collection[str]) -> bool:
    from gitops_cli.domain.near import near  # where something is wrong

    return key in sections or (key not in _TOP and bool({*near(key, _TOP)} & {*sections}))


_MOST_BYTES = 1_000_000


def user_config_path() -> Path:
    """Return where the user's config is, whether it exists or not."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base, "gitops", "config.toml")


def read_user_config() -> UserConfig:
    """Return the user's config; empty if there is none. Raises ConfigurationError."""
    path = user_config_path()
    return parse_user_config(path, content_of(path))


def content_of(path: Path) -> bytes:
    """Return what stands in the user's config; nothing if there is none."""
    try:
        # Without waiting: nobody may ever write into what could be a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ConfigurationError(f"{path}: is no regular file", hint="make it one")
            data = file.read(_MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    if len(data) > _MOST_BYTES:
        raise ConfigurationError(
            f"{path}: has more than a million bytes, so it is no config.toml", hint="look into it"
        )
    return data


def parse_user_config(path: Path, data: bytes) -> UserConfig:
    """Return the values of a config, and all that is wrong with it."""
    if not data:
        return UserConfig(path)
    from gitops_cli.domain.settings import BadSettings, Settings  # who has a config needs it

    try:
        reader = Settings.of(str(path), data)
    except BadSettings as error:
        return UserConfig(path, defects=error.defects)
    reader.only(_TOP)
    registries = {host: _registry(host, reader) for host in reader.names("registry")}
    forges = {host: _forge(host, reader) for host in reader.names("forge")}
    texts = {key: reader.text(key) for key in _USER}
    return UserConfig(
        path,
        texts["repo"],
        texts["project"],
        texts["output"],
        texts["context"],
        registries,
        dict(_aliases(reader.table("alias", None))),
        forges,
        reader.table("steps", ("env",)).texts("env", (), check=_variable),
        tuple(sorted(set(reader.found))),
    )


def _registry(host: str, top: Settings) -> RegistryRules:
    from gitops_cli.domain.registries import RegistryRules  # as of forges, who says so needs it

    reader = top.table("registry", None).table(host, _REGISTRY)
    _check_host("registry", host, top)
    ca_file = reader.text("ca_file")
    return RegistryRules(
        host,
        insecure=reader.flag("insecure"),
        ca_file=None if ca_file is None else Path(ca_file).expanduser(),
    )


def _forge(host: str, top: Settings) -> ForgeRules:
    from gitops_cli.domain.forge_links import Forge, ForgeRules

    reader = top.table("forge", None).table(host, _FORGE)
    _check_host("forge", host, top)
    kind, variable = reader.text("kind"), reader.text("token")
    if kind is not None and kind not in set(Forge):
        reader.wrong("kind", f"`{one_line(kind)}` is none of {', '.join(Forge)}")
        kind = None
    if variable is not None and not re.fullmatch(_VARIABLE, variable):
        # What it is may be the token itself, so it is not shown.
        reader.wrong("token", "is not the name of a variable of the environment")
        variable = None
    url = reader.text("url", _private_url)
    return ForgeRules(
        host, None if kind is None else Forge(kind), variable, url and url.rstrip("/")
    )


def _private_url(text: str) -> str:
    from gitops_cli.web.address import parse_address

    address = parse_address(text)
    if not address.is_private:
        raise ValueError("is not an address of https: a token would be there to be read")
    if "?" in address.path or "#" in text:
        raise ValueError("is more than where the forge's pages begin")
    return text


def _variable(text: str) -> str:
    if not re.fullmatch(_VARIABLE, text):
        raise ValueError(f"`{text}` is not the name of a variable of the environment")
    return text


def _check_host(table: str, host: str, top: Settings) -> None:
    from gitops_cli.domain.image import is_repository

    if not is_repository(f"{host}/image") or "/" in host:
        top.table(table, None).wrong(host, f"`{one_line(host)}` is not HOST or HOST:PORT")


def _aliases(reader: Settings) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, value in reader.content.items():
        if not re.fullmatch(_ALIAS, name):
            reader.wrong(name, "an alias is a word of letters, digits and `-`")
            continue
        if value in ("", []):
            reader.wrong(name, "an alias stands for a command line")
            continue
        words: tuple[str, ...] = ()
        words = (
            reader.texts(name, ()) if isinstance(value, list) else reader.word(name, _split, words)
        )
        if words:
            yield name, words


def _split(text: str) -> tuple[str, ...]:
    """Return the words of a command line, quoted as in a shell; nothing else of a shell is meant.

    Raises ValueError.
    """
    return tuple(shlex.split(text))


def with_value(data: bytes, key: Key, value: Value | None) -> bytes:
    """Return the file with a key of another value, None: without it; all else stays as it is.

    Comments, blanks and order are kept. Raises BadSettings if it is no TOML.
    """
    import tomlkit  # 50 ms, and only who changes something needs it
    from tomlkit.items import Table

    from gitops_cli.domain.settings import parse_settings

    parse_settings(str(user_config_path()), data)  # refuses with our words and limits
    text = data.removeprefix(b"\xef\xbb\xbf").decode()
    document = tomlkit.parse(text)
    table: Any = document
    for depth, name in enumerate(key[:-1], 1):
        if name not in table:
            if value is None:
                return data
            table[name] = tomlkit.table(is_super_table=depth < len(key) - 1)
        table = table[name]
    if value is None:
        table.pop(key[-1], None)
        if isinstance(table, Table) and not table:
            _without(document, key[:-1])
    else:
        table[key[-1]] = value
    return tomlkit.dumps(document).lstrip("\n").encode()


def _without(document: Any, key: Key) -> None:
    """Take an empty table away, and what held nothing else."""
    for depth in range(len(key), 0, -1):
        holder = document
        for name in key[: depth - 1]:
            holder = holder[name]
        if holder[key[depth - 1]]:
            return
        holder.pop(key[depth - 1])


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Let no other command change the user's config meanwhile; its directory is made.

    The lock is on the directory, so that none is left behind. Raises ConfigurationError.
    """
    import fcntl

    directory = path.resolve().parent
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    except (FileExistsError, FileNotFoundError, NotADirectoryError) as error:
        raise ConfigurationError(f"{directory}: {error.strerror}") from error
    handle = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write_user_config(path: Path, data: bytes) -> None:
    """Replace the user's config by another content, whole or not at all; `held` has it.

    A new file is the user's alone, an old one keeps its mode, and a link still leads to it. Raises
    ConfigurationError for what is no file: many let a link to /dev/null stand for an empty one.
    """
    import tempfile

    path = path.resolve()
    if path.exists() and not path.is_file():
        raise ConfigurationError(f"{path} is no file that can be written anew")
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    aside = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
