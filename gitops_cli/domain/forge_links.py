"""Links into a forge, from the URL of a remote: pure text, no request."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from urllib.parse import quote

from gitops_cli.domain.git_url import GitUrl, tolerant
from gitops_cli.domain.values import NamedTuple

# Compiled when first used (`re` keeps it): most commands never do.
_AZURE_SSH = r"v3/(?P<org>[^/]+)/(?P<project>[^/]+)/(?P<repo>[^/]+)\Z"


_CLOUD = "bitbucket.org"
_DATA_CENTER = r"(?:scm/)?(?P<key>[^/]+)/(?P<repo>[^/]+)\Z"
_BELOW_SCM = r"(?P<context>.+)/(?P<project>scm/[^/]+/[^/]+)\Z"
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
    """`[forge."HOST"]` of the user's config: what it is, and the variable that has its token.

    `url` is where its pages and its API begin, without a slash at the end.
    """

    host: str
    kind: Forge | None = None
    token: str | None = None
    url: str | None = None


ForgeHosts = Mapping[str, ForgeRules]
NO_HOSTS: ForgeHosts = MappingProxyType({})


class Located(NamedTuple):
    """Where a remote's repository is: which forge, the address that all of it begins with, and the
    path below that.
    """

    forge: Forge
    server: str
    project: str


def located(remote: GitUrl, hosts: ForgeHosts = NO_HOSTS) -> Located | None:
    """Return where a remote's repository is; None for a path or an unknown host.

    A forge below a path of its host has it in the remotes of https, where a Data Center's tells it
    from the project; those of ssh have none, so the config has to say it.
    """
    if remote.is_local or not remote.project:
        return None
    netloc, rule = web_host(remote), rules_for(remote, hosts)
    forge = (rule.kind if rule else None) or forge_of(remote.identity[0])
    if forge is None:
        return None
    over_http = remote.scheme in ("http", "https")
    project = remote.project
    if rule is not None and rule.url is not None:
        context = "/".join(rule.url.split("/")[3:])
        is_in = over_http and context and project.startswith(f"{context}/")
        return Located(forge, rule.url, project[len(context) + 1 :] if is_in else project)
    server = f"{'http' if remote.scheme == 'http' else 'https'}://{netloc}"
    is_data_center = forge is Forge.BITBUCKET and over_http and netloc != _CLOUD
    if is_data_center and (below := re.match(_BELOW_SCM, project)):
        return Located(forge, f"{server}/{quote(below['context'])}", below["project"])
    return Located(forge, server, project)


def known_address(addresses: Sequence[str], hosts: ForgeHosts = NO_HOSTS) -> str:
    """Return which of a remote's URLs a forge is known by: the first that one is; else the first.

    A name that only somebody's ssh may know is the last that is taken, unless the config has it.
    """
    known = [(address, url) for address in addresses if (url := tolerant(address)) is not None]
    known.sort(key=lambda each: each[1].is_alias and rules_for(each[1], hosts) is None)
    return next((address for address, url in known if located(url, hosts)), addresses[0])


def rules_for(remote: GitUrl, hosts: ForgeHosts) -> ForgeRules | None:
    """Return what the user says of a remote's host, with its port or for all of them."""
    return hosts.get(web_host(remote)) or hosts.get(remote.identity[0])


def web_host(remote: GitUrl) -> str:
    """Return the host that a browser goes to, with the port of a URL that a browser opens."""
    host = remote.identity[0]
    shown = f"[{host}]" if ":" in host else host
    over_web = remote.scheme in ("http", "https")
    return f"{shown}:{remote.port}" if over_web and remote.port else shown


class Project(NamedTuple):
    """A repository on a forge: the address of its page."""

    forge: Forge
    page: str

    @property
    def is_data_center(self) -> bool:
        """Tell whether it is a Bitbucket of one's own, whose pages are others than the cloud's."""
        return self.forge is Forge.BITBUCKET and not _is_cloud(self.page)

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


def project_at(remote: str, hosts: ForgeHosts = NO_HOSTS) -> Project | None:
    """Return the forge's project behind a remote's URL; None for a path or an unknown host."""
    url = tolerant(remote)
    if url is None or url.scheme not in _SHOWN:
        return None
    found = located(url, hosts)
    if found is None:
        return None
    forge, server, path = found
    if forge is Forge.AZURE:
        return _azure(server, path)
    if forge is Forge.BITBUCKET and not _is_cloud(server) and (own := re.match(_DATA_CENTER, path)):
        key, repo = (quote(part) for part in own.groups())
        whose = f"users/{key[1:]}" if key.startswith("~") else f"projects/{key}"
        return Project(forge, f"{server}/{whose}/repos/{repo}")
    return Project(forge, f"{server}/{quote(path)}")


def _is_cloud(page: str) -> bool:
    return f"{page}/".startswith((f"https://{_CLOUD}/", f"http://{_CLOUD}/"))


def forge_of(host: str) -> Forge | None:
    """Return what a host is by its name; None where that does not tell."""
    return next((forge for word, forge in _BY_WORD.items() if word in host), None)


def _azure(server: str, path: str) -> Project | None:
    if over_ssh := re.match(_AZURE_SSH, path):
        org, project, repo = over_ssh.groups()
        return Project(Forge.AZURE, f"https://dev.azure.com/{org}/{project}/_git/{repo}")
    return Project(Forge.AZURE, f"{server}/{quote(path)}") if "/_git/" in path else None
