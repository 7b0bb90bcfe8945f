"""What terminals of 60, 80 and 120 columns show, held as pictures in text under screens/.

`UPDATE_SCREENS=1 pytest tests/render/test_screens.py` draws them anew: look at each before it is
kept.
"""

from __future__ import annotations

import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyte
import pytest
from rich.console import Console

from gitops_cli.domain.change.proposal import Actor
from gitops_cli.domain.cluster.comparison import Comparison, Diff, Row, State
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.past.ancestry import SAME, UNKNOWN, Distance, distance
from gitops_cli.domain.past.commits import LastChange
from gitops_cli.domain.recorded.environment import Kind, VersionFile
from gitops_cli.domain.recorded.locks import Lock
from gitops_cli.domain.recorded.stages import Place
from gitops_cli.domain.version import parse_version
from gitops_cli.operations.grid import Grid, GridCell, GridColumn, Grids, LiveState
from gitops_cli.operations.narrowing import Narrow, narrowed
from gitops_cli.render.columns import titles, with_columns
from gitops_cli.render.console import print_view
from gitops_cli.render.diff import diff_view
from gitops_cli.render.plain import plain_view
from gitops_cli.render.status import SortOrder, view
from gitops_cli.render.view import Line, Table, View

SCREENS = Path(__file__).with_name("screens")
WIDTHS = (60, 80, 120)
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
STAGES = ("development", "qa", "staging", "preproduction", "production")
SERVICES = (
    *("accounts", "authentication", "basket", "billing", "catalogue", "checkout", "frontend"),
    *("gateway", "images", "invoices", "notifications", "orders", "search", "shipping", "web"),
)
RELATIONS = (SAME, SAME, distance(0, 2), SAME, distance(1, 0), SAME, SAME, UNKNOWN, SAME, SAME)


def company(stages: tuple[str, ...] = STAGES) -> Grids:
    """Return three projects, each with fifteen services in all of these stages."""
    grids = tuple(grid(project, stages) for project in ("shop", "crm", "warehouse"))
    return Grids("c" * 40, NOW, True, NOW, grids, ())


def grid(project: str, stages: tuple[str, ...]) -> Grid:
    names = [EnvironmentName(f"{project}-{stage}") for stage in stages]
    befores = [None, *names[:-1]]
    columns = [
        GridColumn(Place(name, project, stage), None, None, None, before)
        for name, stage, before in zip(names, stages, befores, strict=True)
    ]
    rows = {
        ServiceName(service): {
            name: cell(name, service, before, 7 * number + at)
            for at, (name, before) in enumerate(zip(names, befores, strict=True))
        }
        for number, service in enumerate(SERVICES)
    }
    return Grid(project, tuple(columns), rows)


def cell(
    name: EnvironmentName, service: str, before: EnvironmentName | None, seed: int
) -> GridCell:
    version = parse_version(f"{seed * 2654435761 % 2**28:07x}" + "0" * 33)
    assert version is not None
    path = f"{name}/{service}.deployment"
    change = LastChange("d" * 40, NOW - timedelta(hours=7 * seed + 1), Actor("Ada", "a@b.c"))
    relation: Distance | None = RELATIONS[seed % len(RELATIONS)] if before else None
    file = VersionFile(path, ServiceName(service), Kind.DEPLOYMENT, version)
    return GridCell(name, file, change, before, relation)


def with_cell(status: Grids, service: str, stage: str, **fields: object) -> Grids:
    """Return the status with one cell of the first project as wanted."""
    first, *others = status.grids
    name = EnvironmentName(f"{first.project}-{stage}")
    row = first.rows[ServiceName(service)]
    rows = {**first.rows, ServiceName(service): {**row, name: row[name]._replace(**fields)}}  # type: ignore[arg-type]
    return status._replace(grids=(first._replace(rows=rows), *others))


def troubled() -> Grids:
    """Return it with one of everything that can be wrong with a service."""
    status = with_cell(company(), "web", "production", distance=distance(3, 1))
    lock = Lock("shop-production/orders.lock", ServiceName("orders"), "Ada", reason="audit")
    status = with_cell(status, "orders", "production", lock=lock)
    return with_cell(status, "images", "qa", file=None)


def screen(shown: View, width: int) -> str:
    """Return what a terminal of this width has on its screen."""
    file = io.StringIO()
    print_view(shown, Console(file=file, force_terminal=True, width=width, highlight=False))
    terminal = pyte.Screen(width, 400)
    terminal.set_mode(pyte.modes.LNM)
    pyte.Stream(terminal).feed(file.getvalue())
    return "\n".join(line.rstrip() for line in terminal.display).rstrip() + "\n"


def held(name: str, shown: str) -> None:
    """Compare with the kept picture, or keep it."""
    file = SCREENS / f"{name}.txt"
    if "UPDATE_SCREENS" in os.environ:
        SCREENS.mkdir(exist_ok=True)
        file.write_text(shown)
    assert shown == file.read_text()


def heights(shown: str) -> list[int]:
    """Return how many lines each row of a grid takes: one that begins at the edge, and those
    below it that do not."""
    found: list[int] = []
    for line in filter(None, shown.splitlines()):
        if line.startswith(" "):
            found[-1] += 1
        else:
            found.append(1)
    return found


@pytest.mark.parametrize("width", WIDTHS)
def test_status_of_three_projects_five_stages_and_fifteen_services(width: int) -> None:
    shown = screen(view(troubled()), width)
    held(f"status-{width}", shown)
    assert max(heights(shown)) <= 2
    assert max(map(len, shown.splitlines())) <= width


def test_six_stages_at_eighty_columns_have_no_cell_of_three_lines() -> None:
    stages = ("dev", "test", "qa", "staging", "preprod", "production")
    shown = screen(view(company(stages)), 80)
    held("status-six-stages-80", shown)
    assert max(heights(shown)) <= 2
    assert shown.count("PRODUCTION") == len(company().grids), "one piece: all stages side by side"


@pytest.mark.parametrize("width", range(24, 200, 7))
def test_no_width_gives_a_cell_three_lines_or_loses_one(width: int) -> None:
    shown = screen(view(troubled()), width)
    cells = [c for g in troubled().grids for row in g.rows.values() for c in row.values()]
    for each in cells:
        assert each.file is None or each.file.version.short in shown


def first_words(shown: View) -> list[str]:
    return [line.split()[0] for line in list(plain_view(shown))[2:17]]


def test_what_is_wrong_comes_first_unless_names_are_asked_for() -> None:
    assert first_words(view(troubled()))[:2] == ["images", "web"]
    assert first_words(view(troubled(), SortOrder.NAME)) == list(SERVICES)
    listed = view(troubled()).document["projects"][0]["services"]
    assert [each["service"] for each in listed] == list(SERVICES), "documents are not sorted anew"


def test_a_pipe_has_no_legend_no_colour_and_one_line_per_service() -> None:
    lines = list(plain_view(view(company())))
    assert len(lines) == 3 * (1 + 1 + len(SERVICES)) + 2
    assert "PRODUCTION vs PREPRODUCTION" in lines[1]
    assert not any("\x1b" in line or "lacks" in line for line in lines)


def test_the_legend_explains_the_signs_that_are_there_and_no_others() -> None:
    one = company(("development",))
    assert view(one).legend == "24d recorded for 24 days"
    legend = view(company()).legend or ""
    assert all(sign in legend for sign in "↓↑=≠")
    assert "✓" not in legend
    runs = LiveState("in-sync", None, None, None)
    assert "✓ runs" in (view(with_cell(one, "web", "development", live=runs)).legend or "")


def shown_services(narrow: Narrow) -> dict[str, list[str]]:
    found = narrowed(troubled(), narrow)
    return {grid.project: list(grid.rows) for grid in found.grids}


def test_filters_keep_the_services_of_which_one_cell_is_as_asked() -> None:
    assert shown_services(Narrow(locked=True)) == {"shop": ["orders"]}
    assert shown_services(Narrow(failed=True)) == {"shop": ["images"]}
    assert "web" in shown_services(Narrow(behind=True))["shop"], "what diverged lacks commits, too"
    assert shown_services(Narrow(behind=True, locked=True)) == {}, "one cell must be both"
    since = NOW - timedelta(hours=12)
    assert shown_services(Narrow(changed=since)) == {
        project: ["accounts"] for project in ("shop", "crm", "warehouse")
    }
    assert len(shown_services(Narrow())["crm"]) == len(SERVICES)


def heads(shown: View) -> list[list[str]]:
    return [[c.heading for c in b.columns] for b in shown.blocks if isinstance(b, Table)]


def test_columns_are_those_that_are_asked_for_in_that_order() -> None:
    status = company(("development", "production"))
    first, *_ = with_columns(view(status), ["production", "by", "service"]).blocks
    assert isinstance(first, Table)
    assert heads(with_columns(view(status), ["production", "by", "service"]))[0] == [
        *("PRODUCTION vs DEVELOPMENT", "BY", "SERVICE"),
    ]
    assert first.title == "shop"
    assert [len(list(row)) for row in first.rows] == [3] * len(SERVICES)
    assert heads(with_columns(view(status), ["by"]))[0] == ["BY", "BY"]
    assert heads(with_columns(view(status), ["nothing"])) == []
    assert titles(view(status)) == ["service", "development", "by", "production"]


def row(service: str, state: State) -> Row:
    return Row(EnvironmentName("shop-dev"), ServiceName(service), Kind.DEPLOYMENT, state)


def test_diff_shows_what_differs_first_and_its_document_does_not() -> None:
    states = {
        "basket": State.IN_SYNC,
        "billing": State.ROLLING,
        "orders": State.DIFFERS,
        "search": State.FAILED,
        "shipping": State.UNTRACKED,
        "web": State.MISSING,
    }
    rows = tuple(row(service, state) for service, state in states.items())
    shown = diff_view(Diff(None, (Comparison(EnvironmentName("shop-dev"), rows),), {}))

    order = [line.split()[0] for line in list(plain_view(shown))[2:8]]
    assert order == ["search", "web", "orders", "billing", "basket", "shipping"]
    [environment] = shown.document["environments"]
    assert [each["service"] for each in environment["rows"]] == list(states)


class Tty(io.StringIO):
    """What says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def written(line: Line, file: io.StringIO) -> str:
    print_view(View("line", {}, (line,)), Console(file=file, force_terminal=True, width=40))
    return file.getvalue()


def test_an_address_of_ours_is_a_link_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    address = "https://forge.example.com/compare/a...b"
    line = Line(f"web: {address}", link=address)
    monkeypatch.setenv("TERM", "xterm-256color")

    assert f";{address}\x1b\\{address}\x1b]8;;\x1b\\" in written(line, Tty())
    assert "\x1b]8" not in written(line, io.StringIO()), "a log of CI, coloured by force"
    assert "\x1b]8" not in written(line._replace(link=None), Tty()), "nobody else's is"
    other = "https://e.example\x1b]0;x\x07"
    assert "\x1b]8" not in written(Line(f"web: {other}", link=other), Tty())
    monkeypatch.setenv("TERM", "linux")
    assert "\x1b]8" not in written(line, Tty())
