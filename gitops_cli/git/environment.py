"""The environment of every git: which variables come in, and what it is told by them.

Every user of a machine can read the arguments of its processes, and git hands a URL on to the
programs that it starts. An environment is for its owner's eyes: the credentials of a URL go there,
and git asks a helper for them that knows the names of two variables only (gitcredentials(7)).
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

# What may come in from the caller: how to connect, who commits, which configuration, tracing.
# The rest of GIT_* (GIT_DIR, GIT_INDEX_FILE, GIT_OBJECT_DIRECTORY … as a hook or `git rebase
# --exec` sets them) would aim our commands at another repository.
_KEPT = frozenset(
    {
        "GIT_ALLOW_PROTOCOL",
        "GIT_ASKPASS",
        "GIT_CEILING_DIRECTORIES",
        "GIT_CONFIG_COUNT",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_NOSYSTEM",
        "GIT_CONFIG_PARAMETERS",
        "GIT_CONFIG_SYSTEM",
        "GIT_CURL_VERBOSE",
        "GIT_DISCOVERY_ACROSS_FILESYSTEM",
        "GIT_EXEC_PATH",
        "GIT_PROTOCOL_FROM_USER",
        "GIT_SSH",
        "GIT_SSH_COMMAND",
        "GIT_SSH_VARIANT",
        "GIT_TERMINAL_PROMPT",
    }
)
_KEPT_PREFIXES = (
    "GIT_AUTHOR_",
    "GIT_COMMITTER_",
    "GIT_CONFIG_KEY_",
    "GIT_CONFIG_VALUE_",
    "GIT_HTTP_",
    "GIT_PROXY_",
    "GIT_SSL_",
    "GIT_TRACE",
)

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


def git_environment(inherited: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for git: without what would aim it elsewhere, and never waiting.

    A question (password, host key) is only possible where a person sits at a terminal.
    """
    source = os.environ if inherited is None else inherited
    environment = {name: value for name, value in source.items() if is_kept(name)}
    environment["LC_ALL"] = "C"
    environment.pop("LANGUAGE", None)
    environment["GIT_DEFAULT_REF_FORMAT"] = "files"  # of mirrors we make
    return environment if can_ask(source) else environment | never_asking(environment)


def never_asking(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what keeps git from asking, in windows too; `ssh_batch` does the same for ssh.

    Programs that ask stay where nobody sits, and so does a GIT_ASKPASS: some CI systems hand over
    a token by them.
    """
    windows = can_ask(environment) and "GIT_ASKPASS" not in environment
    silent = {"GIT_ASKPASS": ""} if windows else {}
    return {**silent, "GIT_TERMINAL_PROMPT": "0", "GCM_INTERACTIVE": "never"}


def is_kept(name: str) -> bool:
    """Tell whether an inherited environment variable may reach git."""
    return not name.startswith("GIT_") or name in _KEPT or name.startswith(_KEPT_PREFIXES)


def can_ask(environment: Mapping[str, str]) -> bool:
    """Tell whether git and ssh may ask a person."""
    return sys.stdin.isatty() and sys.stderr.isatty() and not environment.get("CI")


def ssh_batch(environment: Mapping[str, str], configured: str | None) -> dict[str, str]:
    """Return the variable that keeps ssh from asking; empty where its command is not plain ssh."""
    command = environment.get("GIT_SSH_COMMAND") or configured
    if command is None:
        if "GIT_SSH" in environment:
            return {}
        command = "ssh"
    words = command.split()
    if not words or Path(words[0].strip("'\"")).name != "ssh":
        return {}
    return {"GIT_SSH_COMMAND": f"{command} -o BatchMode=yes"}


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


def as_environment(
    entries: Iterable[tuple[str, str]], environment: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables that hand configuration to git, after what `environment` has of it."""
    variables: dict[str, str] = {}
    count = int(environment.get("GIT_CONFIG_COUNT") or 0)
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
    if not colon:
        return as_environment([(f"{section}.username", unquote(user))], environment)
    # The empty one takes away the helpers that are set up: the URL's credentials are meant.
    helpers = [(f"{section}.helper", ""), (f"{section}.helper", _HELPER)]
    secrets = {_USER: unquote(user), _PASSWORD: unquote(password)}
    return {**secrets, **as_environment(helpers, environment)}
