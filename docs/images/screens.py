"""Draw screens/*.svg, what docs/design.md shows of each kind of screen. Run by `make pictures`."""

from __future__ import annotations

from pathlib import Path

from recording import draw, menu, run, sandbox, typed

SCREENS = Path(__file__).with_name("screens")
WIDTHS = (60, 80, 120)
BROKEN = "dead0cc71c376136bb8d52b3a0505917ba5b00d4"  # its image was never pushed


def main() -> None:
    """Go through one story and draw its screens."""
    SCREENS.mkdir(exist_ok=True)
    with sandbox() as environment:

        def drawn(name: str, line: str, *, columns: int, answer: str | None = None) -> None:
            shown = typed(line, environment, columns=columns, answer=answer)
            draw(SCREENS / f"{name}.svg", shown, columns=columns)

        for columns in WIDTHS:
            drawn(f"status-{columns}", "gitops status", columns=columns)
            line = "gitops promote frontend billing --from dev --to prod"
            drawn(f"promote-{columns}", line, columns=columns, answer="n")
            drawn(f"history-{columns}", "gitops history frontend -n 6", columns=columns)
            line = "gitops rollback -e project1-production"
            shown = menu(line, environment, columns=columns, search="7563")
            draw(SCREENS / f"menu-{columns}.svg", shown, columns=columns)
        run("set", f"frontend={BROKEN}", "-e", "prod", "-p", "project1", env=environment)
        for columns in WIDTHS:
            drawn(f"sync-{columns}", "gitops sync project1-production --wait", columns=columns)
        for columns in WIDTHS:
            drawn(f"diff-{columns}", "gitops diff project1-production", columns=columns)


if __name__ == "__main__":
    main()
