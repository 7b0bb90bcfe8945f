"""What git is told through its environment, so that it does not stand in its arguments.

Every user of a machine can read the arguments of its processes, and git hands a URL on to the
programs that it starts. An environment is for its owner's eyes: the credentials of a URL go there,
and git asks a helper for them that knows the names of two variables only (gitcredentials(7)).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

# The last @ of the authority counts, as git has it. An ssh URL's user is no secret.
_URL = re.compile(r"(?P<scheme>https?://)(?P<who>[^/?#\s]*)@(?P<host>[^/?#@\s]+)", re.IGNORECASE)
_USER, _PASSWORD = "GITOPS_GIT_USER", "GITOPS_GIT_PASSWORD"
_HELPER = (
    '!f() { [ "$1" != get ] || '
    f'printf "username=%s\\npassword=%s\\n" "${_USER}" "${_PASSWORD}"; }}; f'
)


# How the machine reaches a server, not who asks it.
_WAY = {"PATH", "TMPDIR", "LD_LIBRARY_PATH", "GIT_EXEC_PATH"}
_WAY |= {f"{kind}_proxy" for kind in ("http", "https", "all", "no")}
_WAY |= {name.upper() for name in _WAY}
_WAY_PREFIXES = ("GIT_SSL_", "GIT_TRACE")


def impersonal(environment: Mapping[str, str], home: str) -> dict[str, str]:
    """Return the environment of a git that knows nothing of its user, as in a pod.

    No configuration, credential helper, .netrc, ssh agent or program that asks, and no terminal;
    `home` is an empty home. The way to the server (proxies, CAs) is the machine's own.
    """
    kept = {
        name: value
        for name, value in environment.items()
        if name in _WAY or name.startswith(_WAY_PREFIXES)
    }
    return kept | {
        "HOME": home,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
    }


def without_credentials(
    arguments: Sequence[str], environment: Mapping[str, str]
) -> tuple[list[str], Mapping[str, str]]:
    """Return git's arguments with no credentials in a URL, and an environment that has them.

    Of a URL with a user name alone git gets the name; who knows the password is asked as ever.
    """
    for position, argument in enumerate(arguments):
        if found := _URL.match(argument):
            bare = [*arguments]
            bare[position] = f"{found['scheme']}{found['host']}{argument[found.end() :]}"
            return bare, {**environment, **_given(found, environment)}
    return [*arguments], environment


def as_environment(entries: Iterable[tuple[str, str]], existing: int = 0) -> dict[str, str]:
    """Return the variables that hand configuration to git, after `existing` entries there."""
    variables: dict[str, str] = {}
    count = existing
    for key, value in entries:
        variables[f"GIT_CONFIG_KEY_{count}"] = key
        variables[f"GIT_CONFIG_VALUE_{count}"] = value
        count += 1
    variables["GIT_CONFIG_COUNT"] = str(count)
    return variables


def _given(url: re.Match[str], environment: Mapping[str, str]) -> dict[str, str]:
    from urllib.parse import unquote  # 3 ms that other URLs do without

    user, colon, password = url["who"].partition(":")
    section = f"credential.{url['scheme']}{url['host']}"
    existing = int(environment.get("GIT_CONFIG_COUNT") or 0)
    if not colon:
        return as_environment([(f"{section}.username", unquote(user))], existing)
    # The empty one takes away the helpers that are set up: the URL's credentials are meant.
    helpers = [(f"{section}.helper", ""), (f"{section}.helper", _HELPER)]
    secrets = {_USER: unquote(user), _PASSWORD: unquote(password)}
    return {**secrets, **as_environment(helpers, existing)}
