"""The URLs of git repositories: the one reading of them, as git itself reads them.

A URL may be spelled in many ways that name one repository. Whoever compares, shows or connects
takes them apart here.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.text import one_line, redacted
from gitops_cli.domain.values import NamedTuple

# Compiled when first used (`re` keeps it): most commands never do.
# A colon before the first slash is ssh; `ext::` and its likes are programs, no URLs.
_SCP_LIKE = (
    r"(?:(?P<user>[^@:/\s]+)@)?(?:\[(?P<inner>[0-9A-Za-z.:-]+)\]|(?P<host>[A-Za-z0-9][\w.-]*))"
    r":(?!:|//)(?P<path>\S.*)\Z"
)
_HOST = r"[A-Za-z0-9][\w.-]*\Z|[0-9A-Fa-f:.]+\Z"
_SSH = frozenset({"ssh", "git+ssh", "ssh+git"})
_SCHEMES = frozenset({"https", "http", "git", "ftp", "ftps", "file"}) | _SSH
# Forges that know a project under any case of its letters.
_ANY_CASE = (
    *("github", "gitlab", "bitbucket", "codeberg", "gitea", "forgejo"),
    *("dev.azure.com", "visualstudio.com"),
)
_OTHER_HOSTS = {
    "ssh.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
    "www.github.com": "github.com",
    "ssh.dev.azure.com": "dev.azure.com",
}


class GitUrl(NamedTuple):
    """A URL's parts. `host` is lower-case and empty for a path of this machine (scheme `file`).

    `path` is as it is written, but for slashes around it; a path of this machine keeps them.
    """

    scheme: str
    host: str
    path: str
    user: str | None = None
    port: int | None = None

    @property
    def is_local(self) -> bool:
        """Tell whether it is a path of this machine."""
        return self.scheme == "file"

    @property
    def is_alias(self) -> bool:
        """Tell whether only somebody's ssh knows the host: no name of DNS ends like that."""
        last = self.host.rpartition(".")[2]
        return self.scheme == "ssh" and (
            last == self.host or ("-" in last and not last.startswith("xn--"))
        )

    @property
    def name(self) -> str:
        """Return the last part of the path, without `.git`: what the repository is called."""
        return re.split(r"[/\\]", _plain(self.path))[-1]

    @property
    def project(self) -> str:
        """Return the path below the host that a forge shows: decoded, without `.git`."""
        return re.sub(r"/{2,}", "/", _plain(unquote(self.path)).strip("/"))

    @property
    def identity(self) -> tuple[str, str]:
        """Return what is equal for all spellings of one repository: protocol and user aside."""
        if self.is_local:
            return "", re.sub(r"/{2,}", "/", _plain(unquote(self.path)))
        host = _OTHER_HOSTS.get(self.host, self.host)
        path = self.project
        if host == "dev.azure.com":  # ssh: v3/ORG/PROJECT/REPO; https: ORG/PROJECT/_git/REPO
            path = path.removeprefix("v3/").replace("/_git/", "/")
        return host, path.lower() if any(forge in host for forge in _ANY_CASE) else path


def _plain(path: str) -> str:
    return path.rstrip("/").removesuffix(".git").rstrip("/")


def parse_git_url(text: str) -> GitUrl | None:
    """Return the parts of a URL or path; None for what git would not take, or run a program for.

    Raises UsageError for an ssh URL whose host or port cannot be one.
    """
    if not text or text.startswith("-") or any(ord(sign) < 32 for sign in text):
        return None
    if "://" in text:
        return _with_scheme(text)
    head = text.partition("/")[0]
    if ":" not in head:
        return GitUrl("file", "", text)
    found = re.match(_SCP_LIKE, text)
    if found is None:
        return None
    host, port = found["host"] or found["inner"], None
    if found["inner"] and (numbered := re.fullmatch(r"([^:]+):(\d+)", found["inner"])):
        host, port = numbered[1], int(numbered[2])  # `[host:22]:path`
    return GitUrl("ssh", host.lower(), found["path"].strip("/"), found["user"], port)


def _with_scheme(text: str) -> GitUrl | None:
    scheme = text.partition("://")[0].lower()
    if scheme not in _SCHEMES:
        return None
    if scheme == "file":
        rest = text.partition("://")[2]
        return GitUrl("file", "", rest.removeprefix("localhost"))
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise UsageError(f"`{one_line(text)}` is not a URL: {error}") from error
    if not re.match(_HOST, host):
        raise UsageError(f"`{one_line(text)}` names no host")
    kind = "ssh" if scheme in _SSH else scheme
    return GitUrl(kind, host.lower(), parts.path.strip("/"), parts.username, port)


def tolerant(text: str) -> GitUrl | None:
    """Return the parts of what somebody configured; None also where it cannot be one."""
    try:
        return parse_git_url(text)
    except UsageError:
        return None


def same_repository(one: str, other: str) -> bool:
    """Tell whether two URLs or paths name one repository, over whatever protocol and user."""
    if one == other:
        return True
    left, right = tolerant(one), tolerant(other)
    return left is not None and right is not None and left.identity == right.identity


def repository_name(text: str) -> str:
    """Return the last part of a URL or path, without `.git`: what a service is usually named."""
    url = tolerant(text)
    return re.split(r"[/:\\]", _plain(text))[-1] if url is None else url.name


def rewritten(text: str, rules: Iterable[tuple[str, str]]) -> str:
    """Return what git takes for a URL: the longest `insteadOf` that begins it becomes its base.

    `rules` are pairs of (base, insteadOf).
    """
    fits = [(prefix, base) for base, prefix in rules if prefix and text.startswith(prefix)]
    if not fits:
        return text
    prefix, base = max(fits, key=lambda rule: len(rule[0]))
    return base + text[len(prefix) :]


def identity_of(url: str, directory: str) -> str:
    """Return what is the same for all spellings of a repository's URL, of a path its place.

    A path may begin in `directory`. What git would not read is itself, without secrets.
    """
    parsed = parse_git_url(url)
    if parsed is None:
        return redacted(url)
    if not parsed.is_local:
        return "/".join(parsed.identity)
    return posixpath.normpath(posixpath.join(directory, parsed.path))
