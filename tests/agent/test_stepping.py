"""Which steps an agent runs, going by what the repository declares: no cluster is asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, cast

import pytest

from gitops_cli.agent.model.stepped import StepsRecord
from gitops_cli.agent.stepping import AgentSteps, Stepped
from gitops_cli.agent.tip_reader import TipReader
from gitops_cli.domain.cluster.sync import Followed
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.files import RawFile
from gitops_cli.domain.recorded.reading import parse_snapshot
from gitops_cli.domain.steps.content import Content, TrackedFile, declared_steps, digest_of
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


PLAN = """#!/bin/sh
case $1 in
plan) [ "$(cat "$2" 2>/dev/null)" = wanted ] || { echo "would write"; exit 2; } ;;
apply) echo wanted >"$2"; echo "$3" >>"$2.by" ;;
esac
"""
OTHER = EnvironmentName("other-production")


Records = dict[EnvironmentName, StepsRecord | None]


class Shared(NamedTuple):
    """Two environments with a step that they share, and one that each has for itself."""

    machine: Path
    steps: AgentSteps
    desired: Desired

    def run(self, *names: EnvironmentName, of: Records) -> dict[EnvironmentName, Stepped]:
        return self.steps.run(self.desired, {name: of.get(name) for name in names})

    def was_applied(self, target: str) -> int:
        file = self.machine / f"{target}.by"
        return len(file.read_text().splitlines()) if file.exists() else 0


def shared_steps(machine: Path, **pinned: str) -> Shared:
    (machine / "secrets").mkdir(exist_ok=True)
    tables = "".join(
        f'[stage.production.step.{name}]\ndirectory = "infra"\n'
        f'plan = ["./write.sh", "plan", "{machine}/{target}"]\n'
        f'apply = ["./write.sh", "apply", "{machine}/{target}", "x"]\n'
        for name, target in (("network", "network"), ("dns", "{environment}"))
    )
    files = {f"{name}/web.deployment": f"{'a' * 40}\n" for name in (ENV, OTHER)}
    files["gitops.toml"] = f'[stage.production]\ndrift = "report"\n{tables}'
    snapshot = parse_snapshot(
        (RawFile(path, text.encode()) for path, text in files.items()), commit="c" * 40
    )
    content = {"infra/write.sh": TrackedFile(PLAN.encode(), True)}

    class Tips:
        def tracked_files(self, commit: str, paths: object) -> Content:
            return content

    pins = {
        name: digest_of(declared_steps(snapshot, name), content) for name in snapshot.environments
    }
    pins |= {EnvironmentName(name): digest for name, digest in pinned.items()}
    steps = AgentSteps(
        cast(TipReader, Tips()), pins, machine / "secrets", now=lambda: AT, say=lambda text: None
    )
    return Shared(machine, steps, Desired(snapshot, Followed(snapshot.commit, fresh=True)))


@pytest.mark.parametrize("old_first", [True, False])
@pytest.mark.parametrize("old_is_due", [True, False])
def test_a_new_environment_does_not_undo_by_hand_what_a_stage_leaves(
    tmp_path: Path, *, old_first: bool, old_is_due: bool
) -> None:
    shared = shared_steps(tmp_path)
    [(_, first)] = shared.run(ENV, of={}).items()
    assert (shared.was_applied("network"), shared.was_applied(ENV)) == (1, 1)
    assert first.record is not None
    (tmp_path / "network").write_text("by hand")
    before = first.record._replace(at=AT - timedelta(days=1) if old_is_due else AT)

    order = (ENV, OTHER) if old_first else (OTHER, ENV)
    found = shared.run(*order, of={ENV: before})

    assert (tmp_path / "network").read_text() == "by hand"
    assert shared.was_applied(OTHER) == 1, "its own steps are applied"
    for name in order if old_is_due else (OTHER,):
        assert "step network would change something: would write" in str(found[name].error)
    record = found[OTHER].record
    assert record is not None
    assert record.applied

    (tmp_path / "network").write_text("wanted")
    again = shared.run(*order, of={ENV: before, OTHER: record._replace(at=AT - timedelta(days=1))})
    assert {name: one.error for name, one in again.items()} == {ENV: None, OTHER: None}


def test_what_is_only_planned_of_another_content_says_nothing_of_this_one(tmp_path: Path) -> None:
    record = shared_steps(tmp_path).run(ENV, of={})[ENV].record
    (tmp_path / "network").write_text("by hand")
    shared = shared_steps(tmp_path, **{ENV: "0" * 64})
    assert record is not None

    found = shared.run(ENV, OTHER, of={ENV: record._replace(digest="0" * 64)})

    assert "changed since its agent was installed" in str(found[ENV].error)
    assert found[OTHER].error is None
    assert (tmp_path / "network").read_text() == "wanted\n"
