"""Auth providers of kubeconfigs (OIDC): the `kubernetes` package logs in."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from typing import Any

import urllib3
from kubernetes import client, config
from kubernetes.config import ConfigException
from oauthlib.oauth2.rfc6749.errors import OAuth2Error

from gitops_cli.cluster.kubeconfig import Access, Provider, header_value
from gitops_cli.cluster.plugins import Credential
from gitops_cli.domain.errors import ConfigurationError, Denied
from gitops_cli.domain.text import one_line, without_secrets

_KNOWN = ("oidc", "gcp")
_AUTHORITY = "idp-certificate-authority"
_EXPIRED = (
    "e30.eyJleHAiOjB9.e30"  # a token whose only claim is `exp: 0`: what makes one be asked for
)
_FAILURES = (
    urllib3.exceptions.HTTPError,
    OAuth2Error,
    client.ApiException,
    OSError,  # those of requests, too
    ValueError,
    LookupError,
)


class ProviderLogin:
    """One login by a provider."""

    def __init__(self, access: Access, provider: Provider) -> None:
        self._access = access
        self._provider = provider

    def credential(self) -> Credential:
        """Return its token, renewed if it has expired; raises Denied, ConfigurationError."""
        name = one_line(self._provider.name)
        if name not in _KNOWN:
            raise ConfigurationError(
                f"{self._provider.file}: the auth-provider `{name}` is not known",
                hint="kubectl has exec plugins instead: `exec` of the user",
            )
        settings = client.Configuration()
        load: Callable[..., None] = config.load_kube_config_from_dict
        try:
            load(self._document(), client_configuration=settings, persist_config=False)
        except ConfigException as error:
            message = without_secrets(one_line(str(error)))
            raise ConfigurationError(f"{self._provider.file}: {message}") from error
        except _FAILURES as error:
            why = without_secrets(one_line(str(error)))
            raise Denied(f"the auth-provider `{name}` gave no token: {why}") from error
        bearer = next(iter(settings.api_key.values()), "")
        token = header_value(bearer.partition(" ")[2], f"the token of the auth-provider `{name}`")
        if not token:
            raise Denied(
                f"the auth-provider `{name}` gave no token",
                hint="log in again as your company does it; `kubectl get ns` tries the same",
            )
        return Credential(token)

    def end(self) -> None:
        """Nothing: its requests have limits of their own."""

    def _document(self) -> dict[str, Any]:
        """Return a kubeconfig of nothing but the login."""
        user = {"auth-provider": {"name": self._provider.name, "config": self._settings()}}
        return {
            "current-context": "login",
            "contexts": [{"name": "login", "context": {"cluster": "login", "user": "login"}}],
            "clusters": [{"name": "login", "cluster": {"server": self._access.server}}],
            "users": [{"name": "login", "user": user}],
        }

    def _settings(self) -> dict[str, str]:
        """Return the provider's settings, completed by what the package cannot do without."""
        settings = {"client-secret": "", **self._provider.settings}
        if settings.get("refresh-token") and not settings.get("id-token"):
            settings["id-token"] = _EXPIRED
        if not settings.get(_AUTHORITY) and not settings.get(f"{_AUTHORITY}-data"):
            # Without one the package would not check whom it asks where tokens are renewed.
            settings[_AUTHORITY] = _authorities()
        return settings


def _authorities() -> str:
    file = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    if file:
        return file
    import certifi  # for a Python that brings no authorities

    return certifi.where()
