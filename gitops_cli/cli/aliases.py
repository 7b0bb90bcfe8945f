"""A user's own short forms: `[alias]` of the user's config, as git has them.

They are words of a command line, never of a shell; they come from the user's own file only, never
from a repository; and a command that exists is never another one.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

# Help of everything comes through here, and loads nothing else.


def aliases(commands: Collection[str]) -> Mapping[str, Sequence[str]]:
    """Return the aliases that hold: those that have no command's name."""
    if not _may_have_some():
        return {}
    from gitops_cli.settings import read_user_config

    found = read_user_config().aliases
    return {name: words for name, words in found.items() if name not in commands}


def _need(name: str) -> None:
    """Raise BadSettings if something is wrong with this alias, or with all of them."""
    if not _may_have_some():
        return
    from gitops_cli.domain.settings import BadSettings
    from gitops_cli.settings import read_user_config

    wrong = [d for d in read_user_config().wrong("alias") if d.key[1:2] in ((), (name,))]
    if wrong:
        raise BadSettings(*wrong)


def shown(commands: Collection[str]) -> Mapping[str, str]:
    """Return the aliases for help and completion, which never fail: name and command line."""
    if not _may_have_some():
        return {}
    import shlex

    from gitops_cli.domain.errors import GitOpsError

    with suppress(GitOpsError):
        return {name: shlex.join(words) for name, words in aliases(commands).items()}
    return {}


def expanded(
    arguments: Sequence[str], commands: Collection[str], *, strict: bool = True
) -> list[str]:
    """Return a command line without its alias. Raises UsageError and BadSettings, if `strict`."""
    from gitops_cli.domain.errors import GitOpsError

    name = arguments[0]
    try:
        words = aliases(commands).get(name)
        if words is None:
            _need(name)
            return list(arguments)
        check(name, words, commands)
    except GitOpsError:
        if strict:
            raise
        return list(arguments)
    return [*words, *arguments[1:]]


def check(name: str, words: Sequence[str], commands: Collection[str]) -> None:
    """Raise UsageError unless the alias is a new name for a command that there is."""
    from gitops_cli.domain.errors import UsageError
    from gitops_cli.domain.text import one_line

    if name in commands:
        raise UsageError(f"alias {name}: `gitops {name}` is a command", hint="take another name")
    if words[0] not in commands:
        raise UsageError(
            f"alias {name}: `{one_line(words[0])}` is no command",
            hint="it begins with one, and with no other alias: `gitops --help` lists the commands",
        )


def _may_have_some() -> bool:
    """Tell whether the file has such a table, without reading it as TOML: help is asked often."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser()
    with suppress(OSError, RuntimeError):
        return b"alias" in Path(base, "gitops", "config.toml").read_bytes()
    return False
