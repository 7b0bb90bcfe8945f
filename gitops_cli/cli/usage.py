"""What the parser refuses, told like all other failures."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

import typer

from gitops_cli.cli.failure import tell
from gitops_cli.cli.output import Format, Output
from gitops_cli.domain.errors import ExitCode, Interrupted, UsageError
from gitops_cli.domain.text import one_line

# click's classes; Typer has a copy of its own in some versions, and exports BadParameter only.
BadParameter = typer.BadParameter
ParserError: Any = BadParameter.__mro__[2]

_WORDS = (
    (r"a valid int(eger)?( range)?$", "a whole number"),
    (r"^option (`.*`) requires an argument$", r"\1 needs a value"),
    (r"^option (`.*`) does not take a value$", r"\1 takes no value"),
    (r"^got unexpected extra argument\S* \((.*)\)$", r"not expected: `\1`"),
    (r"^missing command$", "which command?"),
)
"""Of the parser's words and ours."""


def tell_early(error: Exception, arguments: Sequence[str]) -> ExitCode:
    """Report what ended the run before its command had begun; return the exit code."""
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(f"{error}\n" if str(error) else "")  # Rich has shown it already
        return ExitCode.USAGE
    output = Output(_format(arguments), verbose=_verbosity(arguments))
    if isinstance(error, typer.Abort):
        return tell(output, Interrupted("interrupted"))
    return tell(output, _usage(error, arguments) if isinstance(error, ParserError) else error)


def no_command(
    word: str, path: str, names: Iterable[str], known_as: Mapping[str, str]
) -> UsageError:
    """Return the error of a command that does not exist; `known_as`: what others call ours."""
    names = list(names)
    meant = known_as.get(word)
    question = f"did you mean `{meant}`?" if meant in names else did_you_mean(word, names)
    if word == "completion" and path == "gitops":  # as kubectl, helm and gh have it
        hint = "`gitops --install-completion` sets it up, `gitops --show-completion` prints it"
        return UsageError("`gitops` has no command `completion`", hint=hint)
    more = f"`{path} --help` lists the commands"
    hint = more if question is None else f"{question} {more}"
    return UsageError(f"`{path}` has no command `{one_line(word)}`", hint=hint)


def near(word: str, names: Iterable[str]) -> list[str]:
    """Return the names that may have been meant, the nearest first."""
    from difflib import get_close_matches  # 3 ms, and only who mistypes needs it

    names = sorted(set(names))
    bare = word.lstrip("-")
    begun = [n for n in names if len(bare) > 2 and _either_begins(n.lstrip("-"), bare)]
    return list(dict.fromkeys([*get_close_matches(word, names, cutoff=0.7), *begun]))[:3]


def did_you_mean(word: str, names: Iterable[str]) -> str | None:
    """Return the question that a mistyped word deserves; None where nothing is near it."""
    from gitops_cli.domain.near import asked  # as of times, who mistypes

    found = near(word, names)
    return asked(found) if found else None


def _either_begins(one: str, other: str) -> bool:
    return one.startswith(other) or (len(one) > 2 and other.startswith(one))


def _usage(error: Any, arguments: Sequence[str]) -> UsageError:
    """Return what the parser has to say in our words, by the kind of its error."""
    context = error.ctx
    path = context.command_path if context is not None else _path(arguments)
    question = None
    match type(error).__name__:
        case "NoSuchOption":
            word = one_line(error.option_name)
            options = _options(context)
            question = (
                _of_kubectl(word, context)
                or did_you_mean(word, options)
                or _elsewhere(word, context)
            )
            message = f"`{path}` has no option `{word}`"
        case "MissingParameter":
            message = f"{_named(error.param)} is missing"
        case "BadParameter" if error.param is not None:
            message = f"{_named(error.param)}: {_tidy(error.message)}"
            question = _choice(error)
        case _:
            message = _tidy(error.format_message())
    more = f"`{path} --help` shows what there is"
    return UsageError(message, hint=more if question is None else f"{question} {more}")


def _path(arguments: Sequence[str]) -> str:
    """Return the command that was called, as far as that can be seen without a parser."""
    from gitops_cli.cli.app import COMMANDS, load  # it imports this module

    names: Iterable[str] = COMMANDS
    path = ["gitops"]
    for word in arguments:
        if word not in names:
            break
        path.append(word)
        names = getattr(load(word), "commands", ()) if len(path) == 2 else ()
    return " ".join(path)


def _choice(error: Any) -> str | None:
    """Return the value that may have been meant, of those that an option takes."""
    word = re.match(r"'(.*?)' is not one of", error.message)
    return did_you_mean(word[1], getattr(error.param.type, "choices", ())) if word else None


def _options(context: Any) -> list[str]:
    parameters = [] if context is None else context.command.get_params(context)
    return [
        name
        for parameter in parameters
        if parameter.param_type_name == "option" and not getattr(parameter, "hidden", False)
        for name in (*parameter.opts, *parameter.secondary_opts)
        if name.startswith("--")
    ]


def _of_kubectl(word: str, context: Any) -> str | None:
    """Return what is meant by kubectl's option for a namespace."""
    if word not in ("-n", "--namespace") or context is None:
        return None
    if not any("--env" in p.opts for p in context.command.get_params(context)):
        return None
    return "an environment is its namespace: -e NAME."


def _elsewhere(word: str, context: Any) -> str | None:
    """Return where an option goes that stands before its command."""
    if context is None or context.parent is not None:
        return None
    return f"most options stand after the command: `gitops COMMAND {word}`."


def _named(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.human_readable_name).strip("[]").partition(" ")[0]
    return str(max(parameter.opts, key=len))


def _tidy(text: str) -> str:
    """Return the parser's words in our style: no capital, no full stop, names in backticks."""
    text = re.sub(r"'([^']*)'", r"`\1`", one_line(text)).rstrip(".")
    for theirs, ours in _WORDS:
        text = re.sub(theirs, ours, text, flags=re.IGNORECASE)
    return text[:1].lower() + text[1:]


def _format(arguments: Sequence[str]) -> Format:
    """Return the format that was asked for, as far as that can be seen without a parser."""
    words = [*arguments, ""]
    asked = [os.environ.get("GITOPS_OUTPUT", "")]
    for word, following in pairwise(words):
        given = re.fullmatch(r"(?:--output|-[a-zA-Z]*?o)=?(.*)", word, re.DOTALL)
        asked += [given[1] or following] if given else []
    for form in reversed(asked):
        with suppress(ValueError):
            return Format(form)
    return Format.TABLE


def _verbosity(arguments: Sequence[str]) -> int:
    flags = [re.fullmatch(r"--verbose|-q?(v+)", word) for word in arguments]
    return sum(len(flag[1] or "v") for flag in flags if flag)
