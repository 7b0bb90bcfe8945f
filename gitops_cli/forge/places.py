"""Which forge a repository is on: said by its remote's URL and the user's config alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from gitops_cli.domain.forge_links import Forge, ForgeHosts, located, rules_for, web_host
from gitops_cli.domain.git_url import tolerant
from gitops_cli.forge.azure import azure_place
from gitops_cli.forge.data_center import data_center_place
from gitops_cli.forge.tokens import ForgeToken, find_token
from gitops_cli.git.login import Login
from gitops_cli.web.address import Address, parse_address

_AZURE_CLOUD = "dev.azure.com"
BITBUCKET_CLOUD = parse_address("https://api.bitbucket.org/2.0")


class OnForge(NamedTuple):
    """A repository on a forge, and the token that opens its API."""

    forge: Forge
    api: Address
    project: str
    token: ForgeToken


def on_forge(
    url: str,
    hosts: ForgeHosts,
    environ: Mapping[str, str],
    login: Callable[[], Login | None],
) -> OnForge | None:
    """Return where the repository of a remote is; None: on no forge we know, or without a token."""
    remote = tolerant(url)
    found = None if remote is None else located(remote, hosts)
    if remote is None or found is None:
        return None
    forge, address, project = found
    if forge is Forge.AZURE and project.startswith("v3/"):
        # Organisations with a host of their own for ssh are here, too.
        address = f"https://{_AZURE_CLOUD}"
    try:
        server = parse_address(address)
    except ValueError:
        return None
    api = _APIS[forge](server, project)
    if api is None or not server.is_private:
        return None  # a token would be there for everybody to read
    # What git logs in with is for the host of the remote, wherever the config has the pages.
    own = login if server.netloc == web_host(remote) else _nobody
    token = find_token(forge, server.netloc, rules_for(remote, hosts), environ, own)
    return OnForge(forge, api, project, token) if token else None


def _nobody() -> None:
    return None


def _github(server: Address, _: str) -> Address:
    if server.netloc == "github.com" or server.netloc.endswith(".ghe.com"):
        return parse_address(f"https://api.{server.netloc}")
    return server._replace(path=f"{server.path}/api/v3")


def _bitbucket(server: Address, project: str) -> Address | None:
    """Return the API of Bitbucket Cloud, or of the Data Center that another host is."""
    if server.netloc == "bitbucket.org":
        return BITBUCKET_CLOUD
    is_there = data_center_place(project) is not None
    return server._replace(path=f"{server.path}/rest/api/latest") if is_there else None


def _azure(server: Address, project: str) -> Address | None:
    return None if azure_place(server.host, project) is None else server


_APIS: Mapping[Forge, Callable[[Address, str], Address | None]] = {
    Forge.GITHUB: _github,
    Forge.GITLAB: lambda server, _: server._replace(path=f"{server.path}/api/v4"),
    Forge.GITEA: lambda server, _: server._replace(path=f"{server.path}/api/v1"),
    Forge.BITBUCKET: _bitbucket,
    Forge.AZURE: _azure,
}
