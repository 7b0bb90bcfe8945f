"""`--query`: a part of a document, named by a JMESPath expression (https://jmespath.org)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jmespath
from jmespath.exceptions import JMESPathError, ParseError
from jmespath.functions import Functions

from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.near import did_you_mean
from gitops_cli.domain.text import one_line
from gitops_cli.render.document import as_json
from gitops_cli.render.safe import for_terminal

_MORE = "https://jmespath.org has a tutorial; for example --query 'kind'"

_DEEPEST = 100


class Query(NamedTuple):
    """An expression that is one, and calls functions that there are."""

    expression: str
    parsed: Any

    def of(self, document: Mapping[str, Any]) -> Any:
        """Return what it names in a document; raises UsageError where a function cannot take it."""
        try:
            found = self.parsed.search(_plain(document))
        except (ValueError, OverflowError) as error:
            # A JMESPathError, a slice that steps nowhere, or a number without end made whole.
            raise UsageError(f"--query: {one_line(str(error))}", hint=_MORE) from error
        if not _is_data(found):
            raise UsageError("--query: what it names is no value that JSON has", hint=_MORE)
        return found


def parse_query(expression: str) -> Query:
    """Return a query. Raises UsageError, with the place of what is wrong."""
    try:
        parsed = jmespath.compile(expression)
    except ParseError as error:
        at = len(expression) if error.lex_position is None else error.lex_position
        near = one_line(expression[at : at + 20])
        what = f"`{near}` is not expected" if near else "it ends too early"
        raise UsageError(f"--query: column {at + 1}: {what}", hint=_MORE) from error
    except (JMESPathError, RecursionError) as error:
        what = "empty" if not expression.strip() else "nested too deeply"
        raise UsageError(f"--query: column 1: {what}", hint=_MORE) from error
    if _depth(parsed.parsed) > _DEEPEST:  # jmespath walks it by recursion, when all is done
        raise UsageError("--query: column 1: nested too deeply", hint=_MORE)
    for call in _calls(parsed.parsed):
        _check_call(call, expression)
    return Query(expression, parsed)


def as_text(value: Any, *, ascii_only: bool = False) -> str:
    """Return what a query found for a shell: a text as it is, a list of such by lines, or JSON."""
    values = value if isinstance(value, list) else [value]
    if any(isinstance(each, dict | list) for each in values):
        return as_json(value, ascii_only=ascii_only)
    return "\n".join(
        for_terminal(each) if isinstance(each, str) else as_json(each) for each in values
    )


def _is_data(value: Any) -> bool:
    """Tell whether JSON can say it: it knows no infinity, and jmespath's `&expression` is none."""
    match value:
        case float():
            return math.isfinite(value)
        case list():
            return all(map(_is_data, value))
        case dict():
            return all(map(_is_data, value.values()))
    return value is None or isinstance(value, str | int)


def _plain(value: Any) -> Any:
    """Return a document as JSON has it: jmespath knows no enumerations, nor tuples."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, str) else value


def _depth(node: Any) -> int:
    level, depth = [node], 0
    while level:
        depth += 1
        level = [c for n in level for c in n.get("children", ()) if isinstance(c, dict)]
    return depth


def _calls(node: Any) -> Iterator[Any]:
    if isinstance(node, dict):
        if node.get("type") == "function_expression":
            yield node
        for child in node.get("children", ()):
            yield from _calls(child)


def _check_call(call: Any, expression: str) -> None:
    """Raise UsageError for a function that is not there, or takes another number of values.

    jmespath would say so only when it has the document: after a command has written.
    """
    name, given = call["value"], len(call["children"])
    at = expression.find(f"{name}(") + 1
    known = Functions.FUNCTION_TABLE.get(name)
    if known is None:
        hint = did_you_mean(name, Functions.FUNCTION_TABLE) or _MORE
        raise UsageError(f"--query: column {at}: no function `{one_line(name)}`", hint=hint)
    signature = known["signature"]
    least = len(signature)
    variadic = bool(signature) and signature[-1].get("variadic", False)
    if given < least or (given > least and not variadic):
        wanted = f"{least} or more" if variadic else str(least)
        raise UsageError(f"--query: column {at}: {name}() takes {wanted}, not {given}", hint=_MORE)
