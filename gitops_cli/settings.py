"""The user's config: read strictly into values."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.domain.image import is_repository
from gitops_cli.domain.registries import RegistryRules
from gitops_cli.domain.settings import BadSettings, Settings
from gitops_cli.domain.text import one_line

T = TypeVar("T")

_USER = ("repo", "project", "output", "context")
_REGISTRY = ("insecure", "ca_file")


class UserConfig(NamedTuple):
    """`$XDG_CONFIG_HOME/gitops/config.toml`: a person's defaults, for use from anywhere."""

    path: Path
    repo: str | None = None
    project: str | None = None
    output: str | None = None
    context: str | None = None
    registries: Mapping[str, RegistryRules] = MappingProxyType({})


def user_config_path() -> Path:
    """Return where the user's config is, whether it exists or not."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base, "gitops", "config.toml")


def read_user_config() -> UserConfig:
    """Return the user's config; empty if there is none. Raises ConfigurationError."""
    path = user_config_path()
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return UserConfig(path)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    reader = Settings.of(str(path), data)
    reader.only((*_USER, "registry"))
    registries = {host: _registry(host, reader) for host in reader.names("registry")}
    texts = {key: reader.text(key) for key in _USER}
    if reader.found:
        raise BadSettings(*sorted(set(reader.found)))
    return UserConfig(
        path, texts["repo"], texts["project"], texts["output"], texts["context"], registries
    )


def _registry(host: str, top: Settings) -> RegistryRules:
    reader = top.table("registry", None).table(host, _REGISTRY)
    if not is_repository(f"{host}/image") or "/" in host:
        top.table("registry", None).wrong(host, f"`{one_line(host)}` is not HOST or HOST:PORT")
    ca_file = reader.text("ca_file")
    return RegistryRules(
        host,
        insecure=reader.flag("insecure"),
        ca_file=None if ca_file is None else Path(ca_file).expanduser(),
    )
