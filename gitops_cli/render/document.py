"""A View for machines: the versioned JSON contract, also as YAML."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from gitops_cli.domain.errors import GitOpsError
from gitops_cli.render.safe import for_json, for_yaml
from gitops_cli.render.view import View

API_VERSION = "gitops-cli/v1"

# What YAML 1.2 reads as a number, PyYAML's 1.1 does not: a hash such as 69353e8 is one.
_NUMBER = r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+"


def document(view: View) -> dict[str, Any]:
    """Return the view's document with its version and kind in front."""
    return {
        key: list(value) if isinstance(value, Iterator) else value
        for key, value in unread(view).items()
    }


def unread(view: View) -> dict[str, Any]:
    """Return the same with those lists still to be made, for as_json."""
    return {"apiVersion": API_VERSION, "kind": view.kind, **view.document}


def error_document(error: GitOpsError) -> dict[str, Any]:
    """Return the document that stands on stderr when a command fails in JSON mode."""
    return {
        "apiVersion": API_VERSION,
        "kind": "error",
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "exit_code": int(error.exit_code),
    }


def as_json(value: Any, *, ascii_only: bool = False, on_one_line: bool = False) -> str:
    """Return JSON as people can read it too; other scripts' letters stay as they are.

    `ascii_only`: they are escaped, for a stream that has no others. A list may be an iterator.
    """
    import json  # tables do without it

    if on_one_line:
        return for_json(json.dumps(value, ensure_ascii=ascii_only, default=list))
    encoder = json.encoder
    text = encoder.encode_basestring_ascii if ascii_only else encoder.encode_basestring
    return for_json(_indented(value, text, "\n"))


def _indented(value: Any, text: Callable[[str], str], line: str) -> str:
    """Return what json.dumps writes with an indent of two, but of an iterator each thing at once.

    `text` writes a text; `line` is a line feed and the blanks that the value's lines begin with.
    """
    if isinstance(value, str):
        return text(value)
    if value is None:
        return "null"
    if isinstance(value, int | float):
        import json

        return json.dumps(value)
    inner = f"{line}  "
    if isinstance(value, dict):
        parts = [f"{text(key)}: {_indented(of, text, inner)}" for key, of in value.items()]
        begin, end = "{}"
    else:
        parts = [_indented(each, text, inner) for each in value]
        begin, end = "[]"
    return f"{begin}{inner}{f',{inner}'.join(parts)}{line}{end}" if parts else begin + end


def as_yaml(value: Any, *, ascii_only: bool = False) -> str:
    """Return the same document as YAML."""
    import yaml  # one format's library; the others need not wait for it

    class Dumper(yaml.SafeDumper):
        """Quotes what must be escaped, and lines, which else could begin one of the log's."""

    def represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
        style = '"' if "\n" in text or for_yaml(text) != text else None
        if style is None and re.fullmatch(_NUMBER, text):
            style = "'"
        return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style=style)

    Dumper.add_representer(str, represent)
    Dumper.add_multi_representer(str, represent)  # members of an enumeration
    text = yaml.dump(
        value, Dumper=Dumper, sort_keys=False, allow_unicode=not ascii_only, width=2**31
    )
    return for_yaml(str(text)).rstrip("\n")
