"""Which forge a repository is on, and its requests: the one way in for who has a remote's URL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from gitops_cli.domain.change.request import Deed, Proposed, Request, Wish, marked, renewed
from gitops_cli.domain.errors import ForgeConflict, GitOpsError
from gitops_cli.domain.forge_links import Forge, ForgeRules, forge_of
from gitops_cli.domain.git_url import tolerant
from gitops_cli.forge.api import Api
from gitops_cli.forge.github import Gitea, GitHub
from gitops_cli.forge.gitlab import GitLab
from gitops_cli.forge.requests import Requests
from gitops_cli.forge.tokens import Token, find_token
from gitops_cli.git.login import Login
from gitops_cli.web.address import Address, parse_address

_GITHUB_MARKS = (("X-GitHub-Api-Version", "2022-11-28"),)


class OnForge(NamedTuple):
    """A repository on a forge, and the token that opens its API."""

    forge: Forge
    api: Address
    project: str
    token: Token


def on_forge(
    url: str,
    rules: Mapping[str, ForgeRules],
    environ: Mapping[str, str],
    login: Callable[[], Login | None],
) -> OnForge | None:
    """Return where the repository of a remote is; None: on no forge we know, or without a token.

    Only the remote's own URL and the user's config say which host that is.
    """
    remote = tolerant(url)
    if remote is None or remote.is_local or not remote.project:
        return None
    host = remote.identity[0]
    over_web = remote.scheme in ("http", "https")
    shown = f"[{host}]" if ":" in host else host
    netloc = f"{shown}:{remote.port}" if over_web and remote.port else shown
    rule = rules.get(netloc) or rules.get(shown)
    forge = (rule.kind if rule else None) or forge_of(host)
    if forge is None or forge not in _BASES:
        return None
    scheme = "http" if remote.scheme == "http" else "https"
    try:
        server = parse_address(f"{scheme}://{netloc}")
    except ValueError:
        return None
    if not server.is_private:
        return None  # a token would be there for everybody to read
    token = find_token(forge, netloc, rule, environ, login)
    return OnForge(forge, _BASES[forge](server), remote.project, token) if token else None


def connected(place: OnForge) -> Requests:
    """Return the requests of a repository; nothing is sent yet."""
    json = "application/json"
    match place.forge:
        case Forge.GITLAB:
            return GitLab(Api(place.api, place.token, accept=json), place.project)
        case Forge.GITEA:
            return Gitea(Api(place.api, place.token, accept=json), place.project)
        case _:
            accept = "application/vnd.github+json"
            api = Api(place.api, place.token, accept=accept, marks=_GITHUB_MARKS)
            return GitHub(api, place.project)


def _github(server: Address) -> Address:
    if server.netloc == "github.com" or server.netloc.endswith(".ghe.com"):
        return parse_address(f"https://api.{server.netloc}")
    return server._replace(path="/api/v3")


_BASES: Mapping[Forge, Callable[[Address], Address]] = {
    Forge.GITHUB: _github,
    Forge.GITLAB: lambda server: server._replace(path="/api/v4"),
    Forge.GITEA: lambda server: server._replace(path="/api/v1"),
}


def propose(requests: Requests, wish: Wish) -> Proposed:
    """Let a request be open that says what is wished: found and brought up to date, or opened.

    Somebody else may open the same at this moment: then theirs is it.
    """
    wish = wish._replace(body=marked(wish.body, requests.marks))
    found = requests.find(wish.branch, wish.base)
    if found is None:
        try:
            return _complete(requests, requests.create(wish), Deed.OPENED, wish)
        except ForgeConflict:
            found = requests.find(wish.branch, wish.base)
            if found is None:
                raise
    body = renewed(found.body, wish.body, requests.marks)
    if (found.title, found.body.replace("\r\n", "\n")) == (wish.title, body):
        return _complete(requests, found, Deed.UNCHANGED, wish)
    updated = requests.update(found, title=wish.title, body=body)
    return _complete(requests, updated, Deed.UPDATED, wish)


def _complete(requests: Requests, request: Request, deed: Deed, wish: Wish) -> Proposed:
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
    trouble = None
    for option, step in wanted.items():
        if option in lacking:
            continue
        try:
            step()
        except GitOpsError as error:
            trouble = error
    return Proposed(request, deed, requests.noun, lacking, trouble)
