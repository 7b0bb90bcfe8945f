"""Which proxy leads to a server, by kubectl's rules, which are those of Go.

A kubeconfig's `proxy-url` holds for its cluster whatever the environment says. Without one
HTTPS_PROXY or HTTP_PROXY counts (in capitals first), but for hosts of NO_PROXY and for this
machine; ALL_PROXY does not exist there.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.domain.text import redacted
from gitops_cli.web import proxy as web
from gitops_cli.web.proxy import parse_proxy

_PORTS = {"http": 80, "https": 443}

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


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
    if name is None or not _uses_proxy(target, _no_proxy(variables)):
        return None
    return _proxy(variables[name], f"{name} of the environment")


def _proxy(url: str, where: str) -> NamedProxy:
    try:
        return NamedProxy(url, parse_proxy(url))
    except ValueError as error:
        raise ConfigurationError(f"{where}: {error}") from None


def _no_proxy(variables: Mapping[str, str]) -> list[str]:
    value = variables.get("NO_PROXY") or variables.get("no_proxy") or ""
    return [rule for part in value.split(",") if (rule := part.strip().lower())]


def _uses_proxy(target: SplitResult, rules: list[str]) -> bool:
    host = (target.hostname or "").lower()
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return False
    port = target.port or _PORTS[target.scheme]
    return not any(_bypasses(rule, host, address, port) for rule in rules)


def _bypasses(rule: str, host: str, address: _Address | None, port: int) -> bool:
    if rule == "*":
        return True
    if "/" in rule:
        try:
            return address is not None and address in ipaddress.ip_network(rule, strict=False)
        except ValueError:
            return False
    name, only = _name_and_port(rule)
    if only is not None and only != str(port):
        return False
    if (fixed := _address(name)) is not None:
        return fixed == address
    if not name:
        return False
    suffix = name[1:] if name.startswith("*.") else name
    return host.endswith(suffix if suffix.startswith(".") else f".{suffix}") or host == suffix


def _name_and_port(rule: str) -> tuple[str, str | None]:
    if _address(rule) is not None:
        return rule, None  # of IPv6, too
    name, colon, port = rule.rpartition(":")
    return (name.removeprefix("[").removesuffix("]"), port) if colon else (rule, None)


def _address(host: str) -> _Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
