"""Links into a forge, from the URL of a remote: pure text, no request."""

from __future__ import annotations

import re
from enum import StrEnum
from urllib.parse import quote

from gitops_cli.domain.git_url import tolerant
from gitops_cli.domain.values import NamedTuple

# Compiled when first used (`re` keeps it): most commands never do.
_AZURE_SSH = r"v3/(?P<org>[^/]+)/(?P<project>[^/]+)/(?P<repo>[^/]+)\Z"


_CLOUD = "bitbucket.org"
_DATA_CENTER = r"(?:scm/)?(?P<key>[^/]+)/(?P<repo>[^/]+)\Z"
_SHOWN = frozenset({"https", "http", "ssh", "git"})


class Forge(StrEnum):
    """The forges whose links we know."""

    GITHUB = "github"
    GITLAB = "gitlab"
    BITBUCKET = "bitbucket"
    AZURE = "azure"
    GITEA = "gitea"


# A word in the host's name; self-hosted ones are nearly always named after what they are.
_BY_WORD = {
    "github": Forge.GITHUB,
    ".ghe.com": Forge.GITHUB,
    "gitlab": Forge.GITLAB,
    "bitbucket": Forge.BITBUCKET,
    "dev.azure.com": Forge.AZURE,
    "visualstudio.com": Forge.AZURE,
    "gitea": Forge.GITEA,
    "forgejo": Forge.GITEA,
    "codeberg.org": Forge.GITEA,
}


class ForgeRules(NamedTuple):
    """`[forge."HOST"]` of the user's config: what it is, and the variable that has its token."""

    host: str
    kind: Forge | None = None
    token: str | None = None


class Project(NamedTuple):
    """A repository on a forge: the address of its page."""

    forge: Forge
    page: str

    @property
    def is_data_center(self) -> bool:
        """Tell whether it is a Bitbucket of one's own, whose pages are others than the cloud's."""
        return self.forge is Forge.BITBUCKET and not self.page.startswith(f"https://{_CLOUD}/")

    def compare(self, old: str, new: str) -> str:
        """Return where the changes from `old` to `new` (commits or branches) are shown."""
        old, new = quote(old), quote(new)
        if self.is_data_center:
            return f"{self.page}/compare/commits?sourceBranch={new}&targetBranch={old}"
        match self.forge:
            case Forge.GITLAB:
                return f"{self.page}/-/compare/{old}...{new}"
            case Forge.BITBUCKET:
                return f"{self.page}/branches/compare/{new}%0D{old}"
            case Forge.AZURE:
                return f"{self.page}/branchCompare?baseVersion=GC{old}&targetVersion=GC{new}"
            case Forge.GITHUB | Forge.GITEA:
                return f"{self.page}/compare/{old}...{new}"

    def commit(self, commit: str) -> str:
        """Return where one commit is shown."""
        match self.forge:
            case Forge.GITLAB:
                return f"{self.page}/-/commit/{commit}"
            case Forge.BITBUCKET:
                return f"{self.page}/commits/{commit}"
            case Forge.GITHUB | Forge.GITEA | Forge.AZURE:
                return f"{self.page}/commit/{commit}"

    def directory(self, branch: str, path: str) -> str:
        """Return where a directory is shown as a branch has it."""
        at, below = quote(branch), quote(path)
        if self.is_data_center:
            return f"{self.page}/browse/{below}?at=refs/heads/{at}"
        match self.forge:
            case Forge.GITHUB:
                return f"{self.page}/tree/{at}/{below}"
            case Forge.GITLAB:
                return f"{self.page}/-/tree/{at}/{below}"
            case Forge.BITBUCKET:
                return f"{self.page}/src/{at}/{below}"
            case Forge.GITEA:
                return f"{self.page}/src/branch/{at}/{below}"
            case Forge.AZURE:
                return f"{self.page}?path=/{below}&version=GB{quote(branch, safe='')}"

    def new_pull_request(self, branch: str, base: str) -> str:
        """Return where a person opens a pull or merge request of `branch` into `base`."""
        head, into = quote(branch, safe=""), quote(base, safe="")
        if self.is_data_center:
            return (
                f"{self.page}/pull-requests?create&sourceBranch=refs%2Fheads%2F{head}"
                f"&targetBranch=refs%2Fheads%2F{into}"
            )
        match self.forge:
            case Forge.GITLAB:
                return (
                    f"{self.page}/-/merge_requests/new?merge_request%5Bsource_branch%5D={head}"
                    f"&merge_request%5Btarget_branch%5D={into}"
                )
            case Forge.BITBUCKET:
                return f"{self.page}/pull-requests/new?source={head}&dest={into}"
            case Forge.AZURE:
                return f"{self.page}/pullrequestcreate?sourceRef={head}&targetRef={into}"
            case Forge.GITHUB:
                return f"{self.page}/compare/{quote(base)}...{quote(branch)}?expand=1"
            case Forge.GITEA:
                return f"{self.page}/compare/{quote(base)}...{quote(branch)}"


def project_at(remote: str) -> Project | None:
    """Return the forge's project behind a remote's URL; None for a path or an unknown host."""
    url = tolerant(remote)
    if url is None or url.scheme not in _SHOWN or not url.project:
        return None
    host, path = url.identity[0], url.project
    forge = forge_of(host)
    if forge is None:
        return None
    if forge is Forge.AZURE:
        return _azure(host, path)
    if forge is Forge.BITBUCKET and host != _CLOUD and (own := re.match(_DATA_CENTER, path)):
        key, repo = (quote(part) for part in own.groups())
        whose = f"users/{key[1:]}" if key.startswith("~") else f"projects/{key}"
        return Project(forge, f"https://{host}/{whose}/repos/{repo}")
    return Project(forge, f"https://{host}/{quote(path)}")


def forge_of(host: str) -> Forge | None:
    """Return what a host is by its name; None where that does not tell."""
    return next((forge for word, forge in _BY_WORD.items() if word in host), None)


def _azure(host: str, path: str) -> Project | None:
    if over_ssh := re.match(_AZURE_SSH, path):
        org, project, repo = over_ssh.groups()
        return Project(Forge.AZURE, f"https://dev.azure.com/{org}/{project}/_git/{repo}")
    return Project(Forge.AZURE, f"https://{host}/{quote(path)}") if "/_git/" in path else None
