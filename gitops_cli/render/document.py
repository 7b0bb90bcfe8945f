"""A View for machines: the versioned JSON contract, also as YAML."""

from __future__ import annotations

import json
from typing import Any

from gitops_cli.domain.errors import GitOpsError
from gitops_cli.render.view import View

API_VERSION = "gitops-cli/v1"


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


def as_json(value: dict[str, Any]) -> str:
    """Return JSON as people can read it too; other scripts' letters stay as they are."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def as_yaml(value: dict[str, Any]) -> str:
    """Return the same document as YAML."""
    import yaml  # one format's library; the others need not wait for it

    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True)).rstrip("\n")
