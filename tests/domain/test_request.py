"""The body of a request and its marks, to the letter; what is wanted of one by default."""

from __future__ import annotations

import pytest

from gitops_cli.domain.change.request import (
    HIDDEN,
    HIDDEN_AS_REFERENCE,
    NO_EXTRAS,
    Comment,
    Extras,
    Marks,
    Proposed,
    Request,
    RequestDeed,
    RequestState,
    Wish,
    marked,
    proposal_among,
    renewed,
    shortened,
)

BEGIN = "<!-- gitops-cli: what stands up to the end mark is written anew with each proposal -->"
END = "<!-- gitops-cli: end -->"
NEW = f"{BEGIN}\n\nnew\n\n{END}"
OLD = f"{BEGIN}\n\nold\n\n{END}"


def test_a_body_stands_between_marks_that_a_page_does_not_show() -> None:
    assert marked("new") == NEW
    assert marked("new", HIDDEN_AS_REFERENCE) == (
        "[//]: # (gitops-cli: what stands up to the end mark is written anew with each proposal)"
        "\n\nnew\n\n[//]: # (gitops-cli: end)"
    )
    assert Marks("<", ">").hide("a") == "<a>"
    assert (Marks("<!-- ", " -->"), Marks("[//]: # (", ")")) == (HIDDEN, HIDDEN_AS_REFERENCE)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (OLD, NEW),
        (f"before\n{OLD}\nafter", f"before\n{NEW}\nafter"),
        (f"a\r\n{OLD}\r\nb".replace("\n", "\r\n").replace("\r\r", "\r"), f"a\n{NEW}\nb"),
        (f"{OLD}{END}{BEGIN}", f"{NEW}{END}{BEGIN}"),
        (f"{BEGIN} a\r\n", f"{BEGIN} a\r\n"),
        (f"a\r\n{END}", f"a\r\n{END}"),
        (f"{END} a {BEGIN}", f"{END} a {BEGIN}"),
        ("theirs", "theirs"),
        ("", ""),
    ],
)
def test_only_what_stands_between_the_marks_is_written_anew(body: str, expected: str) -> None:
    assert renewed(body, NEW) == expected


def test_a_body_keeps_to_the_marks_of_its_forge() -> None:
    old, new = (marked(text, HIDDEN_AS_REFERENCE) for text in ("old", "new"))
    assert renewed(f"x{old}y", new, HIDDEN_AS_REFERENCE) == f"x{new}y"
    assert renewed(f"x{old}y", new) == f"x{old}y"


ROWS = "\n".join(f"row {number}" for number in range(40))


@pytest.mark.parametrize(
    ("text", "end"),
    [
        (f"| a |\n{ROWS}", "row 2\n\nand more"),
        (f"```diff\n{ROWS}\n```", "row 1\n```\n\nand more"),
        (f"~~~~\n```\n{ROWS}", "row 1\n~~~~\n\nand more"),
        (f"```\na\n```\n{ROWS}", "row 1\n\nand more"),
        ("x" * 100, "and more"),
    ],
)
def test_a_text_is_cut_where_a_line_ends_and_no_block_stays_open(text: str, end: str) -> None:
    said = shortened(text, 64)
    assert said.endswith(end)
    assert len(said) <= 64
    assert shortened("x" * 64, 64) == "x" * 64


def test_the_message_of_the_one_proposal_among_commits_is_found() -> None:
    ours, theirs = "subject\n\nwhy\n\nGitops-Action: set\n", "Fix it\n"
    assert proposal_among([theirs, ours]) == ("subject", "why\n\nGitops-Action: set")
    assert proposal_among([theirs]) is None
    assert proposal_among([ours, ours]) is None


def test_nothing_is_wanted_beside_the_text() -> None:
    assert Extras(False, (), (), (), False, False) == NO_EXTRAS == Extras()
    assert Wish("b", "main", "t", "x").extras == NO_EXTRAS
    asked = Request(7, "u", "t", "b", "branch", "main", "c", RequestState.OPEN)
    assert asked[8:] == (False, None)
    assert Proposed(asked, RequestDeed.OPENED, "pull request")[3:] == ((), ())
    assert Comment(1, "x").thread is None
    assert [state.value for state in RequestState] == ["open", "merged", "closed"]
    assert [deed.value for deed in RequestDeed] == ["opened", "updated", "unchanged"]
