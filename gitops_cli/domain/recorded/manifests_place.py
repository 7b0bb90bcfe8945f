"""Where an environment's manifests stand, and what its stage says of them."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from gitops_cli.domain.recorded.files import MANIFESTS
from gitops_cli.domain.recorded.stages import place_of
from gitops_cli.domain.recorded.team import TeamSettings

if TYPE_CHECKING:
    from gitops_cli.domain.recorded.environment import Environment, Snapshot

VALUES = "values.yaml"
"""An environment's own values of a chart, in its directory."""

_FIELDS = ("project", "stage", "environment")
_FIELD = re.compile(r"\{([^{}]*)\}")
_RELEASE = re.compile(r"v?[1-9]\d?\.\d{1,3}(\.\d{1,3})?")
_API = re.compile(
    r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?v[a-z0-9]{1,30}(/[A-Z][A-Za-z0-9]{0,62})?"
)


def check_release(text: str) -> str:
    """Return a `[stage.X] kubernetes`; raises ValueError for what is no release."""
    if _RELEASE.fullmatch(text) is None:
        raise ValueError(f"`{text}` is no release of Kubernetes, such as `1.33`")
    return text


def check_api(text: str) -> str:
    """Return one of `[stage.X] kubernetes_apis`; raises ValueError for what is none."""
    if _API.fullmatch(text) is None:
        raise ValueError(f"`{text}` is no API, such as `monitoring.coreos.com/v1`")
    return text


def check_place(text: str) -> str:
    """Return a `[stage.X] manifests`; raises ValueError for what can be no directory in git."""
    unknown = [name for name in _FIELD.findall(text) if name not in _FIELDS]
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in _FIELDS)
        raise ValueError(f"`{{{unknown[0]}}}` is none of {known}")
    plain = _FIELD.sub("x", text)
    place = posixpath.normpath(posixpath.join("environment", plain))
    wrong = set(plain) & set("{}\\:") or any(ord(character) < 32 for character in plain)
    if wrong or plain.startswith("/") or place.split("/")[0] in {"..", ".", ".git"}:
        raise ValueError(f"`{text}` is no directory of this repository, such as `../base`")
    return text


def is_own_manifest(path: str, name: str) -> bool:
    """Tell whether a path is one of an environment's own manifests, or its values of a chart."""
    return path == f"{name}/{VALUES}" or path.startswith(f"{name}/{MANIFESTS}/")


def has_manifests(snapshot: Snapshot) -> bool:
    """Tell whether any environment of a repository may have manifests."""
    in_stage = any(rules.manifests for rules in snapshot.team.rules.values())
    return in_stage or any(one.has_manifests for one in snapshot.environments.values())


def manifests_place(environment: Environment, team: TeamSettings) -> str | None:
    """Return the directory of an environment's manifests, from the root; None without any."""
    if environment.has_manifests:
        return f"{environment.name}/{MANIFESTS}"
    place = place_of(environment.name, team)
    named = team.stage(place.stage).manifests
    if named is None:
        return None
    values = {"project": place.project, "stage": place.stage, "environment": environment.name}
    text = _FIELD.sub(lambda match: values[match[1]], named)
    return posixpath.normpath(posixpath.join(environment.name, text))
