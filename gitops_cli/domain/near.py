"""What somebody probably meant by a name that nothing has."""

from __future__ import annotations

from collections.abc import Iterable

MISSPELT = 0.8  # how alike two names are that differ by a slip of the hand
ALIKE = 0.6


def near(word: str, known: Iterable[str], *, cutoff: float = ALIKE) -> list[str]:
    """Return the known names that `word` may be a slip for, the most alike first.

    Where some differ by a slip of the hand, those that are merely alike are not meant.
    """
    from difflib import get_close_matches  # 3 ms, and only who mistypes needs it

    names = {name.lower(): name for name in known}
    cutoffs = (max(cutoff, MISSPELT), cutoff)
    matches = (get_close_matches(word.lower(), names, n=3, cutoff=least) for least in cutoffs)
    found = next(filter(None, matches), [])
    return [names[name] for name in found if names[name] != word]


def did_you_mean(word: str, known: Iterable[str], *, cutoff: float = ALIKE) -> str | None:
    """Return the question that a name like `word` calls for; None where no name is like it."""
    found = near(word, known, cutoff=cutoff)
    return asked(found) if found else None


def asked(names: Iterable[str]) -> str:
    """Return the question whether one of these is meant."""
    return f"did you mean {' or '.join(f'`{name}`' for name in names)}?"
