"""Views of the agent: its manifests, its plan, its status and its key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gitops_cli.render.view import Line, View


def manifests_yaml(manifests: Sequence[Mapping[str, Any]]) -> str:
    """Return the objects as YAML documents that `kubectl apply -f -` takes."""
    import yaml  # the other commands need not wait for it

    class Dumper(yaml.SafeDumper):
        """Writes scripts as blocks, and repeats what YAML would abbreviate by anchors."""

        def ignore_aliases(self, data: object) -> bool:
            return True

    def text(dumper: Dumper, value: str) -> yaml.ScalarNode:
        style = "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    documents = (
        yaml.dump(dict(manifest), Dumper=Dumper, sort_keys=False, allow_unicode=True)
        for manifest in manifests
    )
    return "---\n".join(documents)


def manifests_view(manifests: Sequence[Mapping[str, Any]]) -> View:
    """Return the printed objects."""
    return View(
        "agent-manifests",
        {"items": [dict(manifest) for manifest in manifests]},
        (Line(manifests_yaml(manifests).rstrip("\n")),),
    )
