"""The requests of a repository on a forge, and how one is kept open for a branch."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from gitops_cli.domain.change.request import Proposed, Request, RequestDeed, Wish, marked, renewed
from gitops_cli.domain.errors import ForgeConflict, GitOpsError
from gitops_cli.domain.forge_links import Forge
from gitops_cli.forge.api import ForgeApi
from gitops_cli.forge.azure import Azure, azure_place
from gitops_cli.forge.bitbucket import Bitbucket
from gitops_cli.forge.data_center import DataCenter, data_center_place
from gitops_cli.forge.github import Gitea, GitHub
from gitops_cli.forge.gitlab import GitLab
from gitops_cli.forge.places import BITBUCKET_CLOUD, OnForge
from gitops_cli.forge.requests import Requests

_MARKS = {
    Forge.GITHUB: (("X-GitHub-Api-Version", "2022-11-28"),),
    # It would show a page to log in to who has no valid token, and say 203.
    Forge.AZURE: (("X-TFS-FedAuthRedirect", "Suppress"),),
}


def connected(place: OnForge, left: Callable[[float], float]) -> Requests:
    """Return the requests of a repository; nothing is sent yet.

    `left` says how many of the usual seconds there are for a question.
    """
    kind = "vnd.github+json" if place.forge is Forge.GITHUB else "json"
    marks = _MARKS.get(place.forge, ())
    api = ForgeApi(place.api, place.token, accept=f"application/{kind}", marks=marks, left=left)
    match place.forge:
        case Forge.GITLAB:
            return GitLab(api, place.project)
        case Forge.GITEA:
            return Gitea(api, place.project)
        case Forge.BITBUCKET:
            if (own := data_center_place(place.project)) and place.api != BITBUCKET_CLOUD:
                return DataCenter(api, own)
            return Bitbucket(api, place.project)
        case Forge.AZURE:
            at = azure_place(place.api.host, place.project)
            if at is None:
                raise AssertionError(f"no repository of Azure DevOps: {place.project}")
            return Azure(api, at, f"{place.api}{at.parent}/_git/{quote(at.name)}")
        case Forge.GITHUB:
            return GitHub(api, place.project)


def propose(requests: Requests, wish: Wish) -> Proposed:
    """Let a request be open that says what is wished: found and brought up to date, or opened.

    Somebody else may open the same at this moment: then theirs is it.
    """
    wish = wish._replace(body=marked(wish.body, requests.marks))
    found = requests.find(wish.branch, wish.base)
    if found is None:
        try:
            made = requests.create(wish)
            found = _elder(requests, made) if requests.opens_twins else None
            if found is None:
                return _complete(requests, made, RequestDeed.OPENED, wish)
            requests.close(made)
        except ForgeConflict:
            found = requests.find(wish.branch, wish.base)
            if found is None:
                raise
    body = renewed(found.body, wish.body, requests.marks)
    if (found.title, found.body.replace("\r\n", "\n")) == (wish.title, body):
        return _complete(requests, found, RequestDeed.UNCHANGED, wish)
    updated = requests.update(found, title=wish.title, body=body)
    return _complete(requests, updated, RequestDeed.UPDATED, wish)


def _elder(requests: Requests, made: Request) -> Request | None:
    """Return a request for the same that somebody else opened at the same moment, before ours."""
    return next(
        (
            other
            for other in requests.opened()
            if (other.branch, other.base) == (made.branch, made.base) and other.number < made.number
        ),
        None,
    )


def _complete(requests: Requests, request: Request, deed: RequestDeed, wish: Wish) -> Proposed:
    """Give an open request what it shall have beside its text; what is refused is told with it."""
    extras = wish.extras
    steps: dict[str, tuple[object, Callable[[], None]]] = {
        "--label": (extras.labels, lambda: requests.add_labels(request, extras.labels)),
        "--reviewer": (extras.reviewers, lambda: requests.ask_reviewers(request, extras.reviewers)),
        "--assignee": (extras.assignees, lambda: requests.assign(request, extras.assignees)),
        "--auto-merge": (extras.auto_merge, lambda: requests.merge_when_ready(request)),
    }
    wanted = {option: step for option, (is_wanted, step) in steps.items() if is_wanted}
    lacking = tuple(option for option in wanted if option in requests.lacks)
    troubles: list[GitOpsError] = []
    for option, step in wanted.items():
        if option in lacking:
            continue
        try:
            step()
        except GitOpsError as error:
            troubles.append(error)
    return Proposed(request, deed, requests.noun, lacking, tuple(troubles))
