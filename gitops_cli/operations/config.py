"""What is in force, and where each value comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.near import did_you_mean
from gitops_cli.domain.recorded.files import SETTINGS
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.setting import SettingKind
from gitops_cli.domain.settings import BadSettings, Defect, parse_settings
from gitops_cli.domain.settings_keys import USER_KEYS
from gitops_cli.domain.text import one_line, redacted
from gitops_cli.settings import UserConfig, content_of, parse_user_config, with_value

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository

DEFAULT = "default"
_OF_HOSTS = ("registry", "forge")


Value = str | bool | tuple[str, ...]


class Setting(NamedTuple):
    """A value and its origin: `FILE:LINE`, the name of a variable, or `default`."""

    key: str
    value: Value
    origin: str


# A variable, and the key of the user's config that says the same.
VARIABLES: Mapping[str, str] = {
    "GITOPS_REPO": "repo",
    "GITOPS_PROJECT": "project",
    "GITOPS_ENV": "env",
    "GITOPS_OUTPUT": "output",
    "GITOPS_CONTEXT": "context",
    "GITOPS_TIMEOUT": "timeout",
    "GITOPS_OFFLINE": "offline",
}


def personal_settings(user: UserConfig, environ: Mapping[str, str]) -> list[Setting]:
    """Return what holds for this person here: variables before the user's config."""
    variables = {
        key: Setting(key, redacted(environ[name]), name)
        for name, key in VARIABLES.items()
        if environ.get(name)
    }
    configured = {setting.key: setting for setting in _configured(user)}
    defaults = {"output": Setting("output", "table", DEFAULT)}
    return list((defaults | configured | variables).values())


class Changed(NamedTuple):
    """A key of the user's config and what it is now (None: not set); `data` is the file's."""

    key: str
    path: Path
    value: Value | None
    data: bytes
    changed: bool


def changed_config(path: Path, data: bytes, words: str, value: str | None) -> Changed:
    """Return the user's config with a key of another value, or without it (None).

    Raises UsageError for a key that there is not, and BadSettings for what the reader refuses.
    """
    key = key_of(words)
    typed = None if value is None else _typed(key, value)
    before = _value_at(path, data, key)
    if typed == before:
        return Changed(words, path, _shown(typed), data, changed=False)
    known = parse_user_config(path, data).defects
    above = [d for d in known if d.key == key[: len(d.key)] and d.key != key]
    if above and typed is not None:
        raise BadSettings(*above)  # what would hold the key is no table
    made = with_value(data, key, typed)
    new = [d for d in parse_user_config(path, made).defects if d.key == key or _is_new(d, known)]
    if new and typed is not None:
        raise BadSettings(*new)
    return Changed(words, path, _shown(typed), made, changed=True)


def key_of(words: str) -> tuple[str, ...]:
    """Return a key's names: `registry.HOST.insecure` has three, whatever dots HOST has.

    A key that nothing reads is one too, so that it can be taken out. Raises UsageError.
    """
    first, _, rest = words.partition(".")
    parts: tuple[str, ...] = (first, rest) if rest else (first,)
    if first in _OF_HOSTS and "." in rest:
        host, _, last = rest.rpartition(".")
        parts = (first, host.strip("\"'"), last)
    if not all(parts) or one_line(words) != words:
        raise UsageError(f"`{one_line(words)}` is not a key", hint="`gitops help config.toml`")
    return parts


def _typed(key: tuple[str, ...], value: str) -> str | bool:
    kinds = {(*filter(None, k.table.split(".")), k.name): k.kind for k in USER_KEYS}
    of_hosts = {table: (table, "HOST", key[-1]) for table in _OF_HOSTS}
    general = {"alias": ("alias", "NAME"), **of_hosts}
    kind = kinds.get(general.get(key[0], key))
    if kind is None:
        every = [".".join(k) for k in kinds]
        raise UsageError(
            f"`{one_line('.'.join(key))}` is not a key of config.toml",
            hint=did_you_mean(".".join(key), every) or "`gitops help config.toml` lists them",
        )
    if kind is not SettingKind.FLAG:
        return value
    if value not in ("true", "false"):
        raise UsageError(f"{'.'.join(key)} is true or false, not `{one_line(value)}`")
    return value == "true"


def _value_at(path: Path, data: bytes, key: tuple[str, ...]) -> Any:
    found: Any = parse_settings(str(path), data).content
    for name in key:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _shown(value: str | bool | None) -> Value | None:
    return redacted(value) if isinstance(value, str) else value


def _is_new(defect: Defect, known: Sequence[Defect]) -> bool:
    return (defect.key, defect.message) not in {(d.key, d.message) for d in known}


def _configured(user: UserConfig) -> Iterator[Setting]:
    wrong = [defect.key for defect in user.defects]
    if () in wrong:
        return
    document = parse_settings(str(user.path), content_of(user.path))
    for key, value in _leaves(document.content):
        if not _is_at(key, wrong):
            yield Setting(key, value, f"{user.path}:{document.lines.of(key)}")


def team_settings(state: StateRepository, commit: str | None) -> list[Setting]:
    """Return what the team agreed at a commit, with the defaults where it is silent, or wrong."""
    snapshot = state.snapshot(commit)
    file, wrong = snapshot.settings, [defect.key for defect in snapshot.team.defects]
    written: dict[str, Setting] = {}
    if file is not None and () not in wrong:
        document = parse_settings(file.path, file.data)
        for key, value in _leaves(document.content):
            if not _is_at(key, wrong):
                written[key] = Setting(key, value, f"{SETTINGS}:{document.lines.of(key)}")
    return list((_defaults() | written).values())


def _is_at(key: str, wrong: Sequence[tuple[str, ...]]) -> bool:
    """Tell whether a key is one that has a defect, or lies below one."""
    return any(key == ".".join(at) or key.startswith(f"{'.'.join(at)}.") for at in wrong)


def _defaults() -> dict[str, Setting]:
    team = TeamSettings()
    values: dict[str, Value] = {
        "stages": team.stages,
        "versions.form": team.version_form.value,
        "versions.require_ancestry": team.require_ancestry,
        "versions.new_services": team.new_services.value,
        "commit.skip_ci": team.commit.skip_ci,
        "commit.sign_off": team.commit.sign_off,
        "commit.message_as_subject": team.commit.message_as_subject,
    }
    return {key: Setting(key, value, DEFAULT) for key, value in values.items()}


def _leaves(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Value]]:
    """Yield every value with its dotted key, in the file's order."""
    for key, value in table.items():
        dotted = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _leaves(value, f"{dotted}.")
        elif isinstance(value, list):
            yield dotted, tuple(redacted(str(item)) for item in value)
        else:
            yield dotted, value if isinstance(value, bool) else redacted(str(value))
