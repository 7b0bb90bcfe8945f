"""What a release did: the image, its digest, and what was recorded."""

from __future__ import annotations

from collections.abc import Iterator

from gitops_cli.domain.release.building import Made, Release
from gitops_cli.domain.text import one_line
from gitops_cli.render.change import RECORDS, document, result_view
from gitops_cli.render.view import Line, Style, View

_WORDS = {
    Made.FOUND: "was in the registry already",
    Made.BUILT: "is built and pushed",
    Made.COMMITTED: "is made of the container and pushed",
    None: "would be made and pushed, unless the registry has it",
}


def view(release: Release) -> View:
    """Return the image first, then the lines of `set`."""
    fields = {
        "service": release.service,
        "image": str(release.image),
        "image_is": release.made.value if release.made else None,
        "digest": release.digest,
        **document(release.outcome, {}),
        "action": "release",
    }
    blocks = (*_image(release), *result_view(release.outcome).blocks)
    return View("release", fields, blocks, records=RECORDS)


def _image(release: Release) -> Iterator[Line]:
    yield Line(f"{one_line(str(release.image))} {_WORDS[release.made]}", Style.DIM)
    if release.digest:
        yield Line(f"digest {release.digest}", Style.DIM)
