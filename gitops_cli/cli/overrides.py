"""The flags that accept a danger, each named after it."""

from __future__ import annotations

from typing import Annotated

import typer

from gitops_cli.domain.change.policy import Override, need_reason

PANEL = "Overrides (recorded in the commit)"

AllowOlder = Annotated[
    bool,
    typer.Option(
        "--allow-older", help="Record an older build over a newer one.", rich_help_panel=PANEL
    ),
]
OverrideLock = Annotated[
    bool,
    typer.Option("--override-lock", help="Write in spite of a lock.", rich_help_panel=PANEL),
]
OverrideFreeze = Annotated[
    bool,
    typer.Option(
        "--override-freeze", help="Write in spite of a freeze window.", rich_help_panel=PANEL
    ),
]
OverridePolicy = Annotated[
    bool,
    typer.Option(
        "--override-policy",
        help="Write in spite of promote_from, require or branches in gitops.toml.",
        rich_help_panel=PANEL,
    ),
]


def overrides_of(
    reason: str | None,
    *,
    lock: bool = False,
    freeze: bool = False,
    policy: bool = False,
    older: bool = False,
) -> frozenset[Override]:
    """Return the overrides that were given; raises UsageError where a reason is missing."""
    given = {
        Override.LOCK: lock,
        Override.FREEZE: freeze,
        Override.POLICY: policy,
        Override.OLDER: older,
    }
    overrides = frozenset(override for override, wanted in given.items() if wanted)
    need_reason(overrides, reason)
    return overrides
