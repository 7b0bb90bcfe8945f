"""Where an access leads: its address, and TLS as a kubeconfig wants it."""

from __future__ import annotations

from gitops_cli.cluster import kubeconfig
from gitops_cli.cluster.kubeconfig import Access
from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.domain.text import one_line, redacted
from gitops_cli.web.address import parse_address
from gitops_cli.web.connection import Site
from gitops_cli.web.tls import Pem, Trust, make_context


def site_of(access: Access) -> Site:
    """Return the server of an access and how to get there; raises ConfigurationError."""
    try:
        address = parse_address(access.server)
    except ValueError as error:
        shown = one_line(redacted(access.server))
        raise ConfigurationError(f"the server `{shown}` of the kubeconfig: {error}") from error
    tls = make_context(_trust(access)) if address.scheme == "https" else None
    proxy = None if access.proxy is None else access.proxy.way
    return Site(address, tls, access.server_name, proxy)


def _trust(access: Access) -> Trust:
    authorities = () if access.ca is None else (_pem(access.ca, "certificate-authority"),)
    if access.certificate is None:
        return Trust(authorities, access.ca is None, access.verify)
    certificate = _pem(access.certificate, "client-certificate")
    if access.key is None:
        raise ConfigurationError(f"{certificate.place}: has no client-key")
    pair = (certificate, _pem(access.key, "client-key"))
    return Trust(authorities, access.ca is None, access.verify, (pair,))


def _pem(pem: kubeconfig.PemSource, key: str) -> Pem:
    place = str(pem.path) if pem.path is not None else f"kubeconfig's {key}-data"
    return Pem(place, pem.read())
