"""Tokens of forges, from where people have them; each for the host that it was given for.

A message may name a variable or a program; never what they hold.
"""

from __future__ import annotations

import base64
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

from gitops_cli.domain.forge_links import Forge, ForgeRules
from gitops_cli.git.login import Login

GH_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Token:
    """What opens an API; `origin` is for messages. `given`: somebody meant it for an API.

    What it holds stays out of its repr.
    """

    origin: str
    authorization: str = field(repr=False)
    given: bool = True


class _Variable(NamedTuple):
    """A variable, those that say which server it is for, and the server where none does."""

    name: str
    servers: tuple[str, ...]
    usual: str | None = None


# As gh, glab and the forges' own CI have them.
_VARIABLES: Mapping[Forge, tuple[_Variable, ...]] = {
    Forge.GITHUB: (
        _Variable("GH_TOKEN", (), "github.com"),
        _Variable("GH_ENTERPRISE_TOKEN", ("GH_HOST",)),
        _Variable("GITHUB_TOKEN", ("GITHUB_SERVER_URL",), "github.com"),
    ),
    Forge.GITLAB: (_Variable("GITLAB_TOKEN", ("GITLAB_HOST", "CI_SERVER_URL"), "gitlab.com"),),
    Forge.GITEA: (
        _Variable("GITEA_TOKEN", ("GITEA_SERVER_URL", "GITHUB_SERVER_URL")),
        _Variable("FORGEJO_TOKEN", ("FORGEJO_SERVER_URL", "GITHUB_SERVER_URL"), "codeberg.org"),
        _Variable("GITHUB_TOKEN", ("GITHUB_SERVER_URL",)),
    ),
}


def find_token(
    forge: Forge,
    netloc: str,
    rules: ForgeRules | None,
    environ: Mapping[str, str],
    login: Callable[[], Login | None],
) -> Token | None:
    """Return the token for a forge at `netloc` (host, and port if any); None: there is none.

    In this order: the variable that the user's config names for the host, the variables of tools
    and CI systems, what git pushes with, and `gh auth token`.
    """
    for name in _names(forge, netloc, rules, environ):
        if given := environ.get(name, "").strip():
            return Token(name, _header(forge, given))
    if (found := login()) is not None:
        return Token("git's credential helper", _of_login(forge, found), given=False)
    if forge is Forge.GITHUB and (value := _from_gh(netloc, environ)):
        return Token("gh auth token", _header(forge, value), given=False)
    return None


def _names(
    forge: Forge, netloc: str, rules: ForgeRules | None, environ: Mapping[str, str]
) -> Iterator[str]:
    if rules is not None and rules.token is not None:
        yield rules.token
    for variable in _VARIABLES.get(forge, ()):
        said = next((environ[name] for name in variable.servers if environ.get(name)), None)
        if (_netloc(said) if said else variable.usual) == netloc:
            yield variable.name


def _netloc(server: str) -> str:
    return urlsplit(server if "://" in server else f"https://{server}").netloc.lower()


def _header(forge: Forge, token: str) -> str:
    return f"token {token}" if forge is Forge.GITEA else f"Bearer {token}"


def _of_login(forge: Forge, login: Login) -> str:
    """Return the header for a token that git knows as a password."""
    if forge is not Forge.GITEA:
        return _header(forge, login.password)
    pair = f"{login.user}:{login.password}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"


def _from_gh(netloc: str, environ: Mapping[str, str]) -> str | None:
    program = shutil.which("gh", path=environ.get("PATH"))
    if program is None:
        return None
    # Its own variables are for other hosts, or were found above.
    clean = {name: value for name, value in environ.items() if not name.endswith("_TOKEN")}
    try:
        done = subprocess.run(
            [program, "auth", "token", "--hostname", netloc],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=clean,
            timeout=GH_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    text = done.stdout.decode(errors="replace").strip()
    return text if done.returncode == 0 and text.isascii() and text.isprintable() else None
