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
_SIGNED = "eyJ"  # what a JSON Web Token begins with
_NOBODY = "x-token-auth"  # the user of Bitbucket's tokens that are of no user


@dataclass(frozen=True, slots=True)
class ForgeToken:
    """What opens an API; `origin` is for messages. `given`: somebody meant it for an API.

    What it holds stays out of its repr.
    """

    origin: str
    authorization: str = field(repr=False)
    given: bool = True


class _Variable(NamedTuple):
    """A variable, those that say which server it is for, and the server where none does.

    `user` is the variable of the user whose password it is; `fits`: which servers it may be for.
    """

    name: str
    servers: tuple[str, ...]
    usual: str | None = None
    user: str | None = None
    fits: Callable[[str], bool] = lambda _: True


def _is_tenants(netloc: str) -> bool:
    """Tell whether GitHub runs a server for one enterprise."""
    return netloc.endswith(".ghe.com")


def _is_enterprises(netloc: str) -> bool:
    """Tell whether a GitHub is run by somebody else."""
    return netloc != "github.com" and not _is_tenants(netloc)


_HERE = ("GH_HOST", "GITHUB_SERVER_URL")


# As gh, glab and the forges' own CI have them.
_VARIABLES: Mapping[Forge, tuple[_Variable, ...]] = {
    Forge.GITHUB: (
        _Variable("GH_TOKEN", (), "github.com"),
        _Variable("GH_TOKEN", _HERE, fits=_is_tenants),
        _Variable("GH_ENTERPRISE_TOKEN", _HERE, fits=_is_enterprises),
        _Variable("GITHUB_ENTERPRISE_TOKEN", _HERE, fits=_is_enterprises),
        _Variable("GITHUB_TOKEN", ("GITHUB_SERVER_URL",), "github.com"),
    ),
    Forge.GITLAB: (_Variable("GITLAB_TOKEN", ("GITLAB_HOST", "CI_SERVER_URL"), "gitlab.com"),),
    Forge.GITEA: (
        _Variable("GITEA_TOKEN", ("GITEA_SERVER_URL", "GITHUB_SERVER_URL")),
        _Variable("FORGEJO_TOKEN", ("FORGEJO_SERVER_URL", "GITHUB_SERVER_URL"), "codeberg.org"),
        _Variable("GITHUB_TOKEN", ("GITHUB_SERVER_URL",)),
    ),
    Forge.BITBUCKET: (
        _Variable("BITBUCKET_TOKEN", (), "bitbucket.org"),
        _Variable("BITBUCKET_API_TOKEN", (), "bitbucket.org", user="BITBUCKET_EMAIL"),
        _Variable("BITBUCKET_APP_PASSWORD", (), "bitbucket.org", user="BITBUCKET_USERNAME"),
    ),
    Forge.AZURE: (
        _Variable("AZURE_DEVOPS_EXT_PAT", (), "dev.azure.com"),
        _Variable(
            "SYSTEM_ACCESSTOKEN", ("SYSTEM_COLLECTIONURI", "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI")
        ),
    ),
}


def find_token(
    forge: Forge,
    netloc: str,
    rules: ForgeRules | None,
    environ: Mapping[str, str],
    login: Callable[[], Login | None],
) -> ForgeToken | None:
    """Return the token for a forge at `netloc` (host, and port if any); None: there is none.

    In this order: the variable that the user's config names for the host, the variables of tools
    and CI systems, what git pushes with, and `gh auth token`.
    """
    for variable in _variables(forge, netloc, rules, environ):
        given = environ.get(variable.name, "").strip()
        user = environ.get(variable.user, "").strip() if variable.user else None
        if given and user:
            return ForgeToken(variable.name, _basic(user, given))
        if given and user is None:
            return ForgeToken(variable.name, _header(forge, given))
    if (found := login()) is not None:
        return ForgeToken("git's credential helper", _of_login(forge, found), given=False)
    if forge is Forge.GITHUB and (value := _from_gh(netloc, environ)):
        return ForgeToken("gh auth token", _header(forge, value), given=False)
    return None


def _variables(
    forge: Forge, netloc: str, rules: ForgeRules | None, environ: Mapping[str, str]
) -> Iterator[_Variable]:
    if rules is not None and rules.token is not None:
        yield _Variable(rules.token, ())
    for variable in _VARIABLES.get(forge, ()):
        said = next((environ[name] for name in variable.servers if environ.get(name)), None)
        if (_netloc(said) if said else variable.usual) == netloc and variable.fits(netloc):
            yield variable


def _netloc(server: str) -> str:
    return urlsplit(server if "://" in server else f"https://{server}").netloc.lower()


def _header(forge: Forge, token: str) -> str:
    if forge is Forge.GITEA:
        return f"token {token}"
    if forge is Forge.AZURE and not token.startswith(_SIGNED):
        return _basic("", token)  # a personal one; those of pipelines and of Entra are signed
    return f"Bearer {token}"


def _of_login(forge: Forge, login: Login) -> str:
    """Return the header for a token that git knows as a password."""
    of_a_user = forge in (Forge.GITEA, Forge.BITBUCKET, Forge.AZURE)
    if not of_a_user or login.user == _NOBODY:
        return _header(forge, login.password)
    return _basic(login.user, login.password)


def _basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


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
