"""Ask before something is written, more insistently for a protected stage."""

from __future__ import annotations

from gitops_cli.cli.prompts import ask_text, confirm, confirm_by_name
from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.stages import place_of
from gitops_cli.domain.recorded.team import TeamSettings


def is_protected(environment: EnvironmentName, team: TeamSettings) -> bool:
    """Tell whether gitops.toml protects the environment's stage."""
    return team.stage(place_of(environment, team).stage).protected


def needed_reason(
    environment: EnvironmentName, team: TeamSettings, reason: str | None
) -> str | None:
    """Return the reason, asked for where a protected stage needs one; UsageError in a script."""
    if not is_protected(environment, team) or (reason and reason.strip()):
        return reason
    return ask_text(f"{environment} is protected. Why is this done?", flag='-m "why"')


def consent(
    environment: EnvironmentName,
    team: TeamSettings,
    *,
    question: str,
    yes: bool,
    confirmed: str | None,
) -> None:
    """Return if the change is agreed to; raises Declined, Interrupted or UsageError.

    `confirmed` is the value of --confirm. A protected stage is not agreed to by --yes.
    """
    if confirmed is not None and confirmed != environment:
        raise UsageError(
            f"--confirm {confirmed} is not what would be changed: {environment}",
            hint=f"--confirm {environment}",
        )
    if confirmed is not None:
        return
    if is_protected(environment, team):
        confirm_by_name(f"{environment} is protected.", environment)
    elif not yes:
        confirm(question)
