"""What a person answered, as the command that would not have asked."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

_SHORT = {"--env": "-e", "--project": "-p", "--message": "-m"}


class Answers:
    """Answers to questions: values of options (empty: it takes none) and arguments."""

    def __init__(self) -> None:
        self.options: dict[str, str] = {}
        self.arguments: list[str] = []

    def command(self, words: Sequence[str]) -> str | None:
        """Return a command line with the answers in it; None: nothing was asked."""
        if not self.options and not self.arguments:
            return None
        kept = list(words)
        for flag in self.options:
            kept = _without(kept, flag)
        said = [word for option in self.options.items() for word in option if word]
        return shlex.join(["gitops", *kept, *self.arguments, *said])


def _without(words: Sequence[str], flag: str) -> list[str]:
    names = [flag, _SHORT.get(flag, flag)]
    kept: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in names:
            skip = True
        elif not word.startswith(tuple(f"{name}=" for name in names)):
            kept.append(word)
    return kept
