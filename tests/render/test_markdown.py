"""Our Markdown, read by a renderer of CommonMark with tables, as forges have one."""

from __future__ import annotations

import re

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from gitops_cli.render.markdown import markdown
from gitops_cli.render.view import Column, Line, Table, View
from tests.render.test_safe import HOSTILE

FORGE = MarkdownIt("commonmark").enable(["table", "strikethrough"])
TABLE = Table((Column("service"), Column("behind", right=True)), [["web", "2"]], "Promote")
STRANGE = (
    *(
        "```\n# heading",
        "````",
        "a\n\n# b",
        "\\",
        "| a | b |",
        "- [ ] x",
        "~~gone~~",
        "@team",
        "#1",
    ),
    *("<script>alert(1)</script>", "![x](https://evil.example/x.png)", "[x](javascript:alert(1))"),
    "&lt;",
)


def read(*blocks: Table | Line) -> list[Token]:
    return FORGE.parse(markdown(View("x", {}, blocks)))


def kinds(tokens: list[Token]) -> list[str]:
    """Return what a page is made of, from its top."""
    return [t.type.removesuffix("_open") for t in tokens if t.level == 0 and t.nesting >= 0]


def test_a_plan_is_a_table_and_its_commits_a_diff() -> None:
    page = read(
        TABLE,
        Line("web"),
        Line("  + 1234567 Answer health checks (Ada)"),
        Line("  - 89abcde Keep sessions (Ben)"),
        Line("would write: project1-staging: web"),
    )

    assert kinds(page) == ["heading", "table", "paragraph", "fence", "paragraph"]
    [fence] = [token for token in page if token.type == "fence"]
    assert fence.info == "diff"
    assert fence.content.splitlines() == [
        "+ 1234567 Answer health checks (Ada)",
        "- 89abcde Keep sessions (Ben)",
    ], "what is removed is seen to be"


def test_a_log_and_the_commands_below_it_are_code() -> None:
    page = read(TABLE, Line("  web-1 | - fatal"), Line("  kubectl logs web-1"), Line("end"))

    assert kinds(page) == ["heading", "table", "fence", "paragraph"]
    [fence] = [token for token in page if token.type == "fence"]
    assert (fence.info, fence.content) == ("text", "web-1 | - fatal\nkubectl logs web-1\n")


@pytest.mark.parametrize("text", [*HOSTILE.values(), *STRANGE])
def test_text_from_elsewhere_makes_neither_markup_nor_another_block(text: str) -> None:
    table = Table((Column("name"), Column("why")), [[text, text]], text)
    page = read(table, Line(text), Line(f"  {text}"), Line(f"  + {text}"), Line("end"))

    expected = ["heading", "table", "paragraph", "fence", "paragraph"]
    assert kinds(page) == (expected if text.strip() else expected[:2] + expected[3:])
    inside = {child.type for t in page for child in t.children or ()}
    assert inside <= {"text", "text_special", "code_inline", "softbreak"}
    cells = [t for t in page if t.type == "td_open"]
    assert len(cells) == 2
    assert not re.search(r"<script|<img|href", FORGE.render(markdown(View("x", {}, (table,)))))
