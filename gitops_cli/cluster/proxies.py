"""Which proxy leads to a server, by kubectl's rules, which are those of Go.

A kubeconfig's `proxy-url` holds for its cluster whatever the environment says. Without one
HTTPS_PROXY or HTTP_PROXY counts (in capitals first), but for hosts of NO_PROXY and for this
machine; ALL_PROXY does not exist there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.domain.text import redacted
from gitops_cli.web import proxy as web
from gitops_cli.web.no_proxy import is_excepted, is_this_machine
from gitops_cli.web.proxy import parse_proxy

_PORTS = {"http": 80, "https": 443}


class NamedProxy(NamedTuple):
    """A proxy, and the URL that named it, which may have a password."""

    url: str
    way: web.Proxy

    def __repr__(self) -> str:
        return f"NamedProxy({redacted(self.url)!r})"


def proxy_of_kubeconfig(url: str, where: str) -> NamedProxy:
    """Return the proxy of a `proxy-url`, which needs its scheme; raises ConfigurationError."""
    if "://" not in url:
        raise ConfigurationError(f"{where}: must begin with its scheme, such as http://")
    return _proxy(url, where)


def proxy_of_environment(server: str, variables: Mapping[str, str]) -> NamedProxy | None:
    """Return the proxy that the environment wants before a server; raises ConfigurationError."""
    target = urlsplit(server)
    capital = f"{target.scheme}_proxy".upper()
    name = next((n for n in (capital, capital.lower()) if variables.get(n)), None)
    if name is None or not _uses_proxy(target, variables):
        return None
    return _proxy(variables[name], f"{name} of the environment")


def _proxy(url: str, where: str) -> NamedProxy:
    try:
        return NamedProxy(url, parse_proxy(url))
    except ValueError as error:
        raise ConfigurationError(f"{where}: {error}") from None


def _uses_proxy(target: SplitResult, variables: Mapping[str, str]) -> bool:
    host = target.hostname or ""
    port = target.port or _PORTS[target.scheme]
    return not is_this_machine(host) and not is_excepted(host, port, variables)
