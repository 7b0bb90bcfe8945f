"""One commit that changes the same stage of several projects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gitops_cli.domain.change.draft import Draft, Occasion, commit_of, described
from gitops_cli.domain.change.plan import Change
from gitops_cli.domain.change.proposal import Proposal
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.text import plural


class Drafts(NamedTuple):
    """Drafts of one stage's environments, one of each project; `proposal` is what all of them are.

    `sources` are the stages that the versions come from.
    """

    stage: str
    sources: tuple[str, ...]
    parts: tuple[Draft, ...]
    proposal: Proposal

    @property
    def changes(self) -> tuple[Change, ...]:
        return tuple(change for part in self.parts for change in part.changes)

    @property
    def writes(self) -> bool:
        return any(part.writes for part in self.parts)

    @property
    def unchanged(self) -> tuple[Change, ...]:
        """Return what was so already, of all environments."""
        return tuple(change for part in self.parts for change in part.unchanged)

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(warning for part in self.parts for warning in part.warnings)

    def project_of(self, part: Draft) -> str:
        """Return the project of one of the environments."""
        return part.environment.removesuffix(f"-{self.stage}")


def together(
    stage: str, sources: Sequence[str], parts: Sequence[Draft], occasion: Occasion
) -> Drafts:
    """Return drafts as one commit. Where one environment alone changes, the commit is its own."""
    written = [part for part in parts if part.writes]
    if len(written) == 1:
        return Drafts(stage, tuple(sources), tuple(parts), written[0].proposal)
    drafts = Drafts(stage, tuple(sources), tuple(parts), Proposal((), ""))
    projects = [drafts.project_of(part) for part in written]
    services = plural(len(drafts.changes), "service")
    if any(part.manifests for part in written):
        services += " and manifests"
    what = f"{services} from {' and '.join(sources)} ({', '.join(projects)})"
    body = "\n".join(
        f"{part.environment}: {line}"
        for part in written
        for line in (
            *map(described, part.changes),
            *([] if part.manifests is None else [part.manifests.what]),
        )
    )
    names = ", ".join(part.environment for part in written)
    overrides = sorted({override for part in written for override in part.overrides})
    proposal = commit_of(
        EnvironmentName(names),
        sorted({change.service for change in drafts.changes}),
        tuple(edit for part in written for edit in part.proposal.edits),
        occasion._replace(
            source=EnvironmentName(", ".join(str(part.source) for part in written)),
            overrides=overrides,
        ),
        what,
        body,
        where=stage,
    )
    return drafts._replace(proposal=proposal)
