"""The options of a writer that can ask for a merge."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated

import typer

from gitops_cli.domain.change.policy import Override
from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.recorded.stages import place_of
from gitops_cli.domain.recorded.team import Mode
from gitops_cli.domain.values import NamedTuple

if TYPE_CHECKING:
    from gitops_cli.domain.change.request import Extras
    from gitops_cli.domain.names import EnvironmentName
    from gitops_cli.domain.recorded.team import TeamSettings


PullRequest = Annotated[
    bool,
    typer.Option(
        "--pr",
        help="Push a branch to be merged, gitops/COMMAND/ENV+SERVICE, instead of the state "
        'itself, and keep a pull or merge request for it open; what mode = "pr" in '
        "gitops.toml does.",
    ),
]
IsDraft = Annotated[
    bool, typer.Option("--draft", help="Open the request as a draft; with a token for the forge.")
]
Reviewers = Annotated[
    list[str] | None,
    typer.Option(
        "--reviewer", metavar="NAME", help="Who is asked to review the request; ORG/TEAM too."
    ),
]
Assignees = Annotated[
    list[str] | None,
    typer.Option("--assignee", metavar="NAME", help="Who the request is assigned to."),
]
AutoMerge = Annotated[
    bool,
    typer.Option(
        "--auto-merge", help="Let the forge merge it as soon as its reviews and checks allow."
    ),
]
Web = Annotated[bool, typer.Option("--web", help="Open the request's page in the browser.")]
_LABEL = "A label for the request."


class RequestOptions(NamedTuple):
    """The options of a writer that can ask for a merge instead of writing the state itself."""

    pull_request: PullRequest = False
    draft: IsDraft = False
    reviewer: Reviewers = None
    assignee: Assignees = None
    label: Annotated[list[str] | None, typer.Option("--label", metavar="NAME", help=_LABEL)] = None
    auto_merge: AutoMerge = False
    web: Web = False

    def proposes(
        self, environment: EnvironmentName, team: TeamSettings, overrides: Collection[Override]
    ) -> bool:
        """Tell whether a request is wanted: by --pr, or by the stage's mode, if that stands."""
        by_mode = team.stage(place_of(environment, team).stage).mode is Mode.PR
        return self.pull_request or (by_mode and Override.POLICY not in overrides)

    def extras(self, *, proposes: bool) -> Extras:
        """Return what is wanted of the request; raises UsageError where none is opened."""
        from gitops_cli.domain.change.request import Extras  # who writes at once needs it not

        extras = Extras(
            self.draft,
            tuple(self.reviewer or ()),
            tuple(self.label or ()),
            tuple(self.assignee or ()),
            self.auto_merge,
            self.web,
        )
        if any(extras) and not proposes:
            raise UsageError(
                "--draft, --reviewer, --assignee, --label, --auto-merge and --web are of a request",
                hint="add --pr",
            )
        return extras


NO_REQUEST = RequestOptions()


class BuildRequestOptions(NamedTuple):
    """The same for `release`, whose `--label` is of the image."""

    pull_request: PullRequest = False
    draft: IsDraft = False
    reviewer: Reviewers = None
    assignee: Assignees = None
    request_label: Annotated[
        list[str] | None, typer.Option("--request-label", metavar="NAME", help=_LABEL)
    ] = None
    auto_merge: AutoMerge = False
    web: Web = False

    @property
    def options(self) -> RequestOptions:
        return RequestOptions(*self)


NO_BUILD_REQUEST = BuildRequestOptions()
