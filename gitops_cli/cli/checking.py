"""Give the checks of gitops.toml what they ask: programs, pages and clusters."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from gitops_cli.cli.clusters import clusters_of
from gitops_cli.cli.session import Session
from gitops_cli.cli.stepping import trust_store
from gitops_cli.domain.errors import ConfigurationError, UsageError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.operations.checks import Checks
from gitops_cli.operations.gates import Checking
from gitops_cli.operations.placement import Clusters


def checking_of(session: Session) -> Checking:
    """Return what asks checks, each of them once; it connects to what it has to."""

    @cache
    def clusters() -> Clusters:
        return clusters_of(session, None, None, warm=False)

    def find_job(where: EnvironmentName, team: TeamSettings, job: str) -> dict[str, Any] | None:
        return clusters().of(where, team).objects().get("Job", where, job)

    session.need_config("steps")
    variables = session.user.step_variables
    return Checks(
        trust_store(), os.environ, variables, find_job, _holds, session.output.note
    ).reports


def _holds(expression: str, document: Any) -> bool:
    from gitops_cli.render.query import parse_query  # 50 ms, and few pages are asked for more

    try:
        return parse_query(expression).of(document) is True
    except UsageError as error:
        raise ConfigurationError(f"expect: {error.message.removeprefix('--query: ')}") from error
