"""Missing images, added to what a command shows anyway."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gitops_cli.operations.images import MissingImage
from gitops_cli.render.view import Cell, Column, Flow, Line, Style, Table, View

_COLUMNS = (
    Column("environment"),
    Column("service"),
    Column("image"),
    Column("problem", flow=Flow.PROSE),
)


def with_images(view: View, missing: Sequence[MissingImage]) -> View:
    """Return the view with the images that cannot be pulled, under `missing_images`."""
    listed = [
        {
            "environment": one.environment,
            "service": one.service,
            "image": str(one.image),
            "problem": one.problem.message if one.problem else None,
        }
        for one in missing
    ]
    document = {**view.document, "missing_images": listed}
    return view._replace(document=document, blocks=(*view.blocks, *_blocks(missing)))


def _blocks(missing: Sequence[MissingImage]) -> Iterator[Table | Line]:
    if not missing:
        yield Line("all images are in their registry", Style.GOOD)
        return
    rows: list[list[Cell | str]] = [
        [one.environment, one.service, str(one.image), _problem(one)] for one in missing
    ]
    yield Table(_COLUMNS, rows, "Images that cannot be pulled")


def _problem(one: MissingImage) -> Cell:
    if one.problem is None:
        return Cell("the registry has no such image", Style.BAD)
    return Cell(one.problem.message, Style.WARN)
