"""gitops.toml, the user's config and nothing else: read strictly into values.

gitops.toml comes from the repository, so it is untrusted: it names no program, and its URLs use
https, ssh or file only. An unknown key is an error that names its line and the nearest known key.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.domain.image import is_repository
from gitops_cli.domain.names import ServiceName, is_dns_label
from gitops_cli.domain.recorded.environment import MAX_SETTINGS_BYTES, FileType, RawFile
from gitops_cli.domain.recorded.freeze import FreezeWindow, parse_freeze
from gitops_cli.domain.recorded.team import (
    DEFAULT_STAGES,
    Mode,
    Requirement,
    ServiceRules,
    StageRules,
    TeamSettings,
    VersionForm,
)
from gitops_cli.domain.registries import RegistryRules
from gitops_cli.domain.text import one_line
from gitops_cli.domain.toml import BadToml, Document, Lines, parse_toml

T = TypeVar("T")

_TOP = ("stages", "stage", "service", "versions", "commit")
_STAGE = (
    "aliases",
    "cluster",
    "cluster_uid",
    "promote_from",
    "protected",
    "freeze",
    "require",
    "mode",
    "branches",
)
_SERVICE = ("source", "container")
_VERSIONS = ("form", "require_ancestry")
_COMMIT = ("skip_ci",)
_USER = ("repo", "project", "output", "context")
_REGISTRY = ("insecure", "ca_file")
_MOST_SHOWN = 200  # characters of a key

# scp-like `git@host:path` is ssh; a path is a file.
# Compiled when first used (`re` keeps it): most commands never do.
_SCP_LIKE = r"[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:[^:]\S*\Z"
_URL = r"(?:https|ssh|file)://\S+\Z"


class BadSettings(ConfigurationError):
    """A defect of gitops.toml or of the user's config, with its place."""

    def __init__(self, path: str, line: int, defect: str, *, hint: str | None = None) -> None:
        super().__init__(f"{path}:{line}: {defect}", hint=hint)
        self.path = path
        self.line = line
        self.defect = defect


class UserConfig(NamedTuple):
    """`$XDG_CONFIG_HOME/gitops/config.toml`: a person's defaults, for use from anywhere."""

    path: Path
    repo: str | None = None
    project: str | None = None
    output: str | None = None
    context: str | None = None
    registries: Mapping[str, RegistryRules] = MappingProxyType({})


def parse_team(file: RawFile | None) -> TeamSettings:
    """Return what gitops.toml agrees on; defaults without one. Raises ConfigurationError."""
    if file is None:
        return TeamSettings()
    if file.type is not FileType.REGULAR:
        raise BadSettings(file.path, 1, f"is a {file.type}, not a file")
    reader = _Reader.of(file.path, file.data)
    reader.only(_TOP)
    stages = reader.texts("stages", DEFAULT_STAGES, check=_name)
    if not stages or len(set(stages)) != len(stages):
        raise reader.wrong("stages", "each stage must be named once")
    versions, commit = reader.table("versions", _VERSIONS), reader.table("commit", _COMMIT)
    rules = {name: _stage(name, reader, stages) for name in reader.names("stage")}
    _unique_aliases(rules, stages, reader)
    return TeamSettings(
        stages,
        rules,
        {ServiceName(name): _service(name, reader) for name in reader.names("service")},
        versions.word("form", VersionForm, VersionForm.COMMIT),
        versions.flag("require_ancestry"),
        commit.flag("skip_ci"),
    )


def _stage(name: str, top: _Reader, stages: Collection[str]) -> StageRules:
    reader = top.table("stage", None).table(name, _STAGE)
    if name not in stages:
        longer = [stage for stage in stages if stage.startswith(name)]
        near = longer or difflib.get_close_matches(name, stages, n=1)
        advice = f"; did you mean `{near[0]}`?" if near else f"; stages are {', '.join(stages)}"
        raise top.wrong(f"stage.{name}", f"`{one_line(name)}` is not a declared stage{advice}")
    promote_from = reader.texts("promote_from", None, check=_one_of(stages))
    return StageRules(
        name,
        aliases=reader.texts("aliases", (), check=_name),
        cluster=reader.text("cluster"),
        cluster_uid=reader.text("cluster_uid"),
        promote_from=promote_from,
        protected=reader.flag("protected"),
        freeze=reader.texts("freeze", (), check=_freeze),
        require=frozenset(reader.texts("require", (), check=Requirement)),
        mode=reader.word("mode", Mode, Mode.PUSH),
        branches=reader.texts("branches", ()),
        lines=reader.numbers(),
    )


def _unique_aliases(
    rules: Mapping[str, StageRules], stages: Collection[str], reader: _Reader
) -> None:
    seen: dict[str, str] = {stage: stage for stage in stages}
    for stage in rules.values():
        for alias in stage.aliases:
            if alias in seen:
                message = f"`{alias}` already means {seen[alias]}"
                raise reader.wrong(f"stage.{stage.name}.aliases", message)
            seen[alias] = stage.name


def _service(name: str, top: _Reader) -> ServiceRules:
    if not is_dns_label(name):
        raise top.wrong(f"service.{name}", f"`{one_line(name)}` is not a service name")
    reader = top.table("service", None).table(name, _SERVICE)
    return ServiceRules(
        ServiceName(name),
        source=reader.text("source", check=_source),
        container=reader.text("container", check=_name),
    )


def parse_settings(path: str, data: bytes) -> Document:
    """Return gitops.toml or the user's config as it is written; raises BadSettings."""
    try:
        return parse_toml(data, most=MAX_SETTINGS_BYTES)
    except BadToml as error:
        raise BadSettings(path, error.line, str(error)) from error


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
    reader = _Reader.of(str(path), data)
    reader.only((*_USER, "registry"))
    registries = {host: _registry(host, reader) for host in reader.names("registry")}
    texts = {key: reader.text(key) for key in _USER}
    return UserConfig(
        path, texts["repo"], texts["project"], texts["output"], texts["context"], registries
    )


def _registry(host: str, top: _Reader) -> RegistryRules:
    reader = top.table("registry", None).table(host, _REGISTRY)
    if not is_repository(f"{host}/image") or "/" in host:
        raise top.wrong(f"registry.{host}", f"`{one_line(host)}` is not HOST or HOST:PORT")
    ca_file = reader.text("ca_file")
    return RegistryRules(
        host,
        insecure=reader.flag("insecure"),
        ca_file=None if ca_file is None else Path(ca_file).expanduser(),
    )


class _Reader(NamedTuple):
    """One table of a TOML file; `prefix` is its dotted path."""

    path: str
    lines: Lines
    content: Mapping[str, Any]
    prefix: str = ""

    @classmethod
    def of(cls, path: str, data: bytes) -> _Reader:
        content, lines = parse_settings(path, data)
        return cls(path, lines, content)

    def _dotted(self, key: str) -> str:
        return f"{self.prefix}.{key}" if self.prefix else key

    def wrong(self, key: str, message: str, hint: str | None = None) -> BadSettings:
        dotted = self._dotted(key)
        shown = one_line(dotted)[:_MOST_SHOWN]
        return BadSettings(self.path, self.lines.of(dotted), f"{shown}: {message}", hint=hint)

    def only(self, known: Collection[str]) -> None:
        for key in self.content:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                advice = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(known)}"
                raise self.wrong(key, "unknown key", hint=advice)

    def names(self, key: str) -> list[str]:
        return list(self.table(key, None).content)

    def table(self, key: str, known: Collection[str] | None) -> _Reader:
        value = self.content.get(key, {})
        if not isinstance(value, dict):
            raise self.wrong(key, "must be a table")
        reader = _Reader(self.path, self.lines, value, self._dotted(key))
        if known is not None:
            reader.only(known)
        return reader

    def numbers(self) -> dict[str, int]:
        return {key: self.lines.of(self._dotted(key)) for key in self.content}

    def text(self, key: str, check: Callable[[str], object] | None = None) -> str | None:
        value = self.content.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value:
            raise self.wrong(key, "must be a text")
        if check is not None:
            self._checked(key, value, check)
        return value

    def flag(self, key: str) -> bool:
        value = self.content.get(key, False)
        if not isinstance(value, bool):
            raise self.wrong(key, "must be true or false")
        return value

    def word(self, key: str, words: Callable[[str], T], default: T) -> T:
        value = self.text(key)
        return default if value is None else self._checked(key, value, words)

    def texts(self, key: str, default: Any, check: Callable[[str], Any] = str) -> Any:
        value = self.content.get(key)
        if value is None:
            return default
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(key, "must be a list of texts")
        return tuple(self._checked(key, item, check) for item in value)

    def _checked(self, key: str, value: str, check: Callable[[str], T]) -> T:
        try:
            return check(value)
        except ValueError as error:
            raise self.wrong(key, one_line(str(error))) from error


def _name(text: str) -> str:
    if not is_dns_label(text):
        raise ValueError(f"`{text}` is not a name of lower-case letters, digits and `-`")
    return text


def _one_of(words: Collection[str]) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text not in words:
            raise ValueError(f"`{text}` is not one of {', '.join(words)}")
        return text

    return check


def _freeze(text: str) -> FreezeWindow:
    return parse_freeze(text)


def _source(text: str) -> str:
    plain_path = ":" not in text and not text.startswith("-")
    if not (plain_path or re.match(_URL, text) or re.match(_SCP_LIKE, text)):
        raise ValueError(f"`{text}` is not a path, nor a URL with https, ssh or file")
    if plain_path and os.path.normpath(text).split("/")[0] not in {"", ".."}:
        # Whoever may push here would choose that repository's configuration, too.
        raise ValueError(f"`{text}` lies inside the state repository itself")
    return text
