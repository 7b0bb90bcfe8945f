"""What a stage wants to see outside of git before a promotion: the image, and it live already."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitops_cli.domain.change.plan import Change
from gitops_cli.domain.change.policy import Override, Refusal
from gitops_cli.domain.cluster.comparison import Comparison, Row, State
from gitops_cli.domain.errors import (
    ClusterError,
    ConfigurationError,
    Denied,
    ImageMissing,
    PolicyRefused,
    TimedOut,
)
from gitops_cli.domain.image import ImageRef
from gitops_cli.domain.names import ServiceName
from gitops_cli.domain.recorded.environment import Environment
from gitops_cli.domain.recorded.files import SETTINGS
from gitops_cli.domain.recorded.stages import place_of
from gitops_cli.domain.recorded.team import Requirement, StageRules, TeamSettings
from gitops_cli.domain.text import spoken
from gitops_cli.web.parallel import ask_all

if TYPE_CHECKING:
    from gitops_cli.registry.client import Registries

_LIVE = frozenset({State.IN_SYNC, State.DIGEST})


@dataclass(slots=True)
class Requirements:
    """Asks registry and cluster, each thing once per run; `compare` looks at an environment.

    `note` takes what could not be asked and need not be.
    """

    registries: Callable[[], Registries]
    compare: Callable[[Environment], Comparison]
    team: TeamSettings
    note: Callable[[str], None]
    _digests: dict[ImageRef, str | None] = field(default_factory=dict)
    _live: dict[str, Comparison] = field(default_factory=dict)

    def refusals(
        self,
        rules: StageRules,
        source: Environment,
        target: Environment,
        changes: Sequence[Change],
    ) -> Iterator[Refusal]:
        """Yield what the stage requires and the changes have not."""
        if Requirement.IMAGE in rules.require:
            yield from self._without_image(rules, target, changes)
        if Requirement.LIVE_IN_SOURCE in rules.require:
            yield from self._not_live(rules, source, changes)
        elif rules.soak and self._stage(source).cluster is not None:
            yield from self._not_soaking(rules, source, changes)

    def _stage(self, environment: Environment) -> StageRules:
        return self.team.stage(place_of(environment.name, self.team).stage)

    def _without_image(
        self, rules: StageRules, target: Environment, changes: Sequence[Change]
    ) -> Iterator[Refusal]:
        images = {
            change.service: target.image_of(change.service, change.desired)
            for change in changes
            if change.desired is not None
        }
        self._ask(images)
        for service, image in images.items():
            if self._digests[image] is None:
                error = ImageMissing(
                    f"{_line(rules)}: {service}: the registry has no {image}",
                    hint='push it first, or --override-policy -m "why"',
                )
                yield Refusal(error, Override.POLICY)

    def _ask(self, images: Mapping[ServiceName, ImageRef]) -> None:
        unknown = sorted(set(images.values()) - self._digests.keys(), key=str)
        if unknown:
            registries = self.registries()
            told = ask_all(registries.digest, unknown)
            self._digests.update(zip(unknown, told, strict=True))

    def _not_soaking(
        self, rules: StageRules, source: Environment, changes: Sequence[Change]
    ) -> Iterator[Refusal]:
        """Yield what does not run in the stage before, if its cluster can be asked at all."""
        try:
            yield from self._not_live(rules, source, changes, key="soak")
        except (ClusterError, Denied, ConfigurationError, TimedOut) as error:
            self.note(f"whether it runs in {source.name} could not be asked: {error.message}")

    def _not_live(
        self,
        rules: StageRules,
        source: Environment,
        changes: Sequence[Change],
        key: str = "require",
    ) -> Iterator[Refusal]:
        if source.name not in self._live:
            self._live[source.name] = self.compare(source)
        comparison = self._live[source.name]
        if comparison.problems and not comparison.rows:
            raise comparison.problems[0]
        for change in changes:
            rows = [row for row in comparison.rows if row.service == change.service]
            if rows and all(_runs(row, change) for row in rows):
                continue
            found = ", ".join(sorted({_how(row) for row in rows})) or "unknown"
            error = PolicyRefused(
                f"{_line(rules, key)}: {change.service} "
                f"{change.desired and change.desired.short} "
                f"does not run in {source.name} ({found})",
                hint=f'`gitops diff {source.name}` shows why; or --override-policy -m "why"',
            )
            yield Refusal(error, Override.POLICY)


def _runs(row: Row, change: Change) -> bool:
    recorded = row.recorded
    return (
        row.state in _LIVE
        and not row.sleeps
        and recorded is not None
        and change.desired is not None
        and recorded.tag == change.desired.tag
    )


def _how(row: Row) -> str:
    state = spoken(row.state)
    return f"{state}, {row.reason}" if row.sleeps else state


def _line(rules: StageRules, key: str = "require") -> str:
    return f"{SETTINGS}:{rules.lines.get(key, 1)}"
