"""What is in force, and where each value comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from gitops_cli.domain.recorded.files import SETTINGS
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.settings import parse_settings
from gitops_cli.domain.text import redacted
from gitops_cli.settings import UserConfig

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository

DEFAULT = "default"


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


def _configured(user: UserConfig) -> Iterator[Setting]:
    if not user.path.is_file():
        return
    document = parse_settings(str(user.path), user.path.read_bytes())
    for key, value in _leaves(document.content):
        yield Setting(key, value, f"{user.path}:{document.lines.of(key)}")


def team_settings(state: StateRepository, commit: str | None) -> list[Setting]:
    """Return what the team agreed at a commit, with the defaults where it is silent, or wrong."""
    snapshot = state.snapshot(commit)
    file, wrong = snapshot.settings, [defect.key for defect in snapshot.team.defects]
    written: dict[str, Setting] = {}
    if file is not None and () not in wrong:
        document = parse_settings(file.path, file.data)
        for key, value in _leaves(document.content):
            if not any(key == ".".join(at) or key.startswith(f"{'.'.join(at)}.") for at in wrong):
                written[key] = Setting(key, value, f"{SETTINGS}:{document.lines.of(key)}")
    return list((_defaults() | written).values())


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
