"""Which writes a defect of gitops.toml stops: those that its section governs, and no others.

docs/gitops-toml.md says it to people. Nothing stops who only reads, nor `rollback`, `lock` and
`unlock`: they are what is typed when something is wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from gitops_cli.domain.near import near
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.recorded.team_file import SERVICE_KEYS, STAGE_KEYS, TOP
from gitops_cli.domain.settings import Defect

# Which cluster it is, and what is applied there.
_WHERE = (
    *("cluster", "cluster_uid", "kubernetes", "kubernetes_apis"),
    *("manifests", "manifests_network", "prune", "drift"),
)


def is_foreign(key: tuple[str, ...]) -> bool:
    """Tell whether a key belongs to no section of ours, nor looks like one: another tool's."""
    return bool(key) and key[0] not in TOP and not near(key[0], TOP)


def stopping(team: TeamSettings, stage: str, services: Collection[str]) -> Iterator[Defect]:
    """Yield the defects that govern a write of these services to an environment of this stage."""
    return (d for d in team.defects if _governs(d.key, team, stage, services))


def misleading(team: TeamSettings, stage: str, services: Collection[str]) -> Iterator[Defect]:
    """Yield those of them that could say which cluster, workload or container is meant.

    A key that is misspelt may be one of these.
    """
    return (d for d in stopping(team, stage, services) if _may_mislead(d.key))


def _may_mislead(key: tuple[str, ...]) -> bool:
    match key:
        case ("versions" | "commit", *_):
            return False
        case ("stage", _, name, *_):
            return name not in STAGE_KEYS or name in _WHERE
        case ("service", _, name, *_):
            return name not in SERVICE_KEYS or name in ("container", "workload")
        case _:
            return True


def _governs(
    key: tuple[str, ...], team: TeamSettings, stage: str, services: Collection[str]
) -> bool:
    match key:
        case ("stage", name, *_) if name in team.stages:
            return name == stage
        case ("service", name, *_):
            return name in services
        case ("notify", *_):  # a notice that is not sent has never kept anybody from anything
            return False
        case _:  # a stage that is not declared may be meant for any
            return not is_foreign(key)
