"""Questions on a terminal. Without one, a question becomes an error that names the flag."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gitops_cli.domain.errors import Declined, Interrupted, UsageError

if TYPE_CHECKING:
    from prompt_toolkit.output import Output
    from questionary import Choice, Question


_BESIDE = " " * 5  # where the menus have their pointer and marks
_NARROWEST = 20
_ONE = "(arrow keys, or type to search)"
_SEVERAL = "(space selects, ctrl-a all, or type to search)"


def may_ask() -> bool:
    """Tell whether a person is there: both ends a terminal, and not a CI job that fakes one."""
    return sys.stdin.isatty() and sys.stderr.isatty() and not os.environ.get("CI")


def confirm(question: str, *, flag: str = "--yes") -> None:
    """Ask yes or no, default no. Raises Declined, Interrupted, or UsageError without a terminal."""
    _need_terminal(question, flag)
    import questionary

    shown = _wrapped(question, "(y/N)")
    asked = questionary.confirm(shown, default=False, auto_enter=False, output=_stderr())
    if not _answer(asked):
        raise Declined("declined; nothing was changed")


def confirm_by_name(question: str, name: str, *, flag: str | None = None) -> None:
    """Let a person type `name`. Raises Declined, Interrupted, or UsageError without a terminal."""
    _need_terminal(question, flag or f"--confirm {name}")
    import questionary

    shown = _wrapped(f"{question} Type {name} to go on:", name)
    asked = questionary.text(shown, output=_stderr())
    if _answer(asked).strip() != name:
        raise Declined(f"that was not `{name}`; nothing was changed")


def choose(question: str, choices: Sequence[tuple[str, str]], *, flag: str) -> str:
    """Let a person pick one of (value, shown text) and return its value."""
    _need_terminal(question, flag)
    import questionary

    options = _options(choices)
    asked = questionary.select(
        _wrapped(question, _ONE),
        choices=options,
        use_search_filter=True,
        use_jk_keys=False,  # they are letters of what is searched for
        instruction=_ONE,
        output=_stderr(),
    )
    return str(_answer(asked))


def choose_several(question: str, choices: Sequence[tuple[str, str]], *, flag: str) -> list[str]:
    """Let a person pick some of (value, shown text); at least one."""
    _need_terminal(question, flag)
    import questionary

    options = _options(choices)
    asked = questionary.checkbox(
        _wrapped(question, _SEVERAL),
        choices=options,
        use_search_filter=True,
        use_jk_keys=False,
        instruction=_SEVERAL,
        validate=lambda chosen: bool(chosen) or "choose at least one",
        output=_stderr(),
    )
    return list(_answer(asked))


def ask_text(question: str, *, flag: str) -> str:
    """Let a person write a line; not an empty one."""
    _need_terminal(question, flag)
    import questionary

    asked = questionary.text(
        _wrapped(question),
        validate=lambda text: bool(text.strip()) or "not empty",
        output=_stderr(),
    )
    return str(_answer(asked)).strip()


def _wrapped(question: str, beside: str = "") -> str:
    """Return a question on as many lines as it needs, with what stands behind it whole.

    Else the terminal breaks both where its edge is.
    """
    width = max(_stderr().get_size().columns - len("?  ") - 1, _NARROWEST)
    lines = textwrap.wrap(question, width, break_long_words=False, break_on_hyphens=False)
    if lines and beside and len(lines[-1]) + 1 + len(beside) > width:
        lines.append("")
    return "\n  ".join(lines)


def _options(choices: Sequence[tuple[str, str]]) -> list[Choice]:
    import questionary

    columns = _stderr().get_size().columns
    return [questionary.Choice(_folded(title, columns), value=value) for value, title in choices]


def _folded(title: str, columns: int) -> str:
    """Return a choice's text on as many lines as it needs, three at most.

    The menu itself would cut it at the terminal's edge.
    """
    from rich.cells import cell_len

    signs_of_two_columns = cell_len(title) - len(title)
    lines = textwrap.wrap(
        title,
        max(columns - len(_BESIDE) - 1 - signs_of_two_columns, _NARROWEST),
        subsequent_indent="  ",
        max_lines=3,
        placeholder=" …",
    )
    return f"\n{_BESIDE}".join(lines)


def _answer(asked: Question) -> Any:
    """Return what a person answers; Ctrl-C and Ctrl-D raise Interrupted."""
    try:
        return asked.unsafe_ask()
    except (KeyboardInterrupt, EOFError):
        raise Interrupted("interrupted; nothing was changed") from None


def _stderr() -> Output:
    """Return where questions are shown: stdout may be a file that takes the result."""
    from prompt_toolkit.output import create_output

    return create_output(stdout=sys.stderr)


def _need_terminal(question: str, flag: str) -> None:
    if not may_ask():
        raise UsageError(f"cannot ask without a terminal: {question}", hint=f"pass {flag}")
