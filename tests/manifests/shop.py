"""A repository whose files are rendered for one environment."""

from __future__ import annotations

from collections.abc import Mapping

from gitops_cli.domain.manifests.rendered import Rendered
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.stages import Place
from gitops_cli.manifests.files import Decrypt
from gitops_cli.manifests.rendering import ToRender, render

HERE = "shop-dev/manifests"
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {a: '1'}\n"
CHART = "apiVersion: v2\nname: shop\nversion: 0.1.0\n"


def rendered(
    files: Mapping[str, str], *, network: bool = False, decrypt: Decrypt | None = None
) -> Rendered:
    """Return what a repository of these files has for shop-dev."""

    def read(directory: str) -> dict[str, bytes]:
        return {p: text.encode() for p, text in files.items() if p.startswith(f"{directory}/")}

    place = Place(EnvironmentName("shop-dev"), "shop", "dev")
    return render(ToRender(place, HERE, network), read, decrypt=decrypt)


def names(found: Rendered) -> list[str]:
    return sorted(str(one.id) for one in found.objects)


def problems(found: Rendered) -> str:
    return "\n".join(f"{f.where}: {f.message}" for f in found.findings)
