"""Which steps an agent runs, going by what the repository declares: no cluster is asked."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from gitops_cli.agent.stepping import AgentSteps, Stepped
from gitops_cli.agent.tip_reader import TipReader
from gitops_cli.domain.cluster.sync import Followed
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.files import RawFile
from gitops_cli.domain.recorded.reading import parse_snapshot
from gitops_cli.operations.desired import Desired

ENV = EnvironmentName("shop-production")
AT = datetime(2026, 1, 1, tzinfo=UTC)


def ran(settings: str, where: Path) -> Stepped:
    """Return what becomes of the environment's pinned steps; whoever reads a file of them fails."""
    files = {f"{ENV}/web.deployment": f"{'a' * 40}\n", "gitops.toml": settings}
    snapshot = parse_snapshot(
        (RawFile(path, text.encode()) for path, text in files.items()), commit="c" * 40
    )
    steps = AgentSteps(
        cast(TipReader, None), {ENV: "0" * 64}, where, now=lambda: AT, say=lambda text: None
    )
    return steps.run(Desired(snapshot, Followed(snapshot.commit, fresh=True)), {ENV: None})[ENV]


@pytest.mark.parametrize(
    "settings",
    [
        "stage = 3",
        "stage.production = 3",
        "stage.production.step = 3",
        "stage.production.step.dns = 3",
        "stages = 3",
        'stages = ["production", "production"]',
        "[stage.producton.step.dns]",
        "=",
    ],
)
def test_where_steps_may_stand_in_what_cannot_be_read_nothing_follows(
    settings: str, tmp_path: Path
) -> None:
    assert "gitops.toml" in str(ran(settings, tmp_path).error)


@pytest.mark.parametrize(
    "settings",
    ["", "[commit]\nskip_ci = 3", "[stage.production]\nsoak = 3", "[stage.staging]\nstep = 3"],
)
def test_where_none_are_declared_other_defects_keep_nothing_back(
    settings: str, tmp_path: Path
) -> None:
    assert ran(settings, tmp_path) == Stepped()
