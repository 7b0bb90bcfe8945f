"""Draw terminal.svg: the main job, as gitops prints it. Run by `make pictures`."""

from __future__ import annotations

from pathlib import Path

from recording import draw, sandbox, typed

COLUMNS = 120
ENVIRONMENT = "project1-production"
# Each line is typed as it stands; the answer, if any, follows the question.
LINES = (
    ("gitops promote authentication --from dev --to prod", "y"),
    (f"gitops diff {ENVIRONMENT}", None),
    (f"gitops sync {ENVIRONMENT} --wait", None),
)

if __name__ == "__main__":
    with sandbox() as environment:
        shown = (typed(line, environment, columns=COLUMNS, answer=a) for line, a in LINES)
        draw(Path(__file__).with_suffix(".svg"), "".join(shown), columns=COLUMNS)
