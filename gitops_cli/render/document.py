"""A View for machines: the versioned JSON contract, also as YAML."""

from __future__ import annotations

import re
from typing import Any

from gitops_cli.domain.errors import GitOpsError
from gitops_cli.render.safe import for_json, for_yaml
from gitops_cli.render.view import View

API_VERSION = "gitops-cli/v1"

# What YAML 1.2 reads as a number, PyYAML's 1.1 does not: a hash such as 69353e8 is one.
_NUMBER = r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+"


def document(view: View) -> dict[str, Any]:
    """Return the view's document with its version and kind in front."""
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

    `ascii_only`: they are escaped, for a stream that has no others.
    """
    import json  # tables do without it

    indent = None if on_one_line else 2
    return for_json(json.dumps(value, indent=indent, ensure_ascii=ascii_only))


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
