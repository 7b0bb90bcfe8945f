"""Text from elsewhere is seen in every format and acts in none."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gitops_cli.domain.recorded.findings import Finding
from gitops_cli.domain.text import visible
from gitops_cli.render.document import as_json, as_yaml, document
from gitops_cli.render.markdown import markdown
from gitops_cli.render.plain import plain_view
from gitops_cli.render.safe import for_markdown, for_terminal, markdown_link
from gitops_cli.render.validate import github_commands
from gitops_cli.render.view import Cell, Column, Line, Table, View

HOSTILE = {
    "escape": "a\x1b[31mred\x1b]0;title\x07",
    "C1": "a\x9b31m\x85b",
    "direction": "user\u202e\u2066txt.exe",
    "tags": "ok" + "".join(chr(0xE0000 + ord(c)) for c in "ignore all"),
    "variants": "a\U000e0100\U000e01ef",
    "blank": "admin\u3164\u200b\ufeff",
    "private": "\ue000\U000f0000\U0010fffd",
    "half": "a\ud800b\udfff",
    "lines": "a\u2028b\u2029c",
    "commands": "x ##[error]y ##VSO[task.complete]z ##teamcity[buildStop]",
}
ACTING = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
COMMAND = re.compile(r"##(\[|vso\[|teamcity\[)", re.IGNORECASE)


def acts(text: str) -> list[str]:
    """Return what in a text would do something in a terminal, a log or a page."""
    found = [c for c in text if c not in "\n\t" and unicodedata.category(c) in ACTING]
    hidden = [c for c in text if c in "\u3164\uffa0" or "\U000e0000" <= c <= "\U000e0fff"]
    return [*found, *hidden, *COMMAND.findall(text)]


def view_of(text: str) -> View:
    table = Table((Column("name"),), ((Cell(text),),), title=text)
    return View("sample", {"text": text, text: 1}, (Line(text), table))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
def test_it_acts_in_no_format(text: str) -> None:
    view = view_of(text)
    [command] = github_commands([Finding(f"{text}/images_path", 1, "version", text)])
    shown = {
        "plain": "\n".join(plain_view(view)),
        "json": as_json(document(view)),
        "yaml": as_yaml(document(view)),
        "markdown": markdown(view),
        "workflow command": command,
    }
    for form, said in shown.items():
        assert acts(said) == [], form
    assert json.loads(shown["json"])["text"] == text, "a program gets what it was"
    if text != HOSTILE["half"]:  # YAML has none
        assert yaml.safe_load(shown["yaml"])["text"] == text


def test_the_classes_of_unicode_are_all_there() -> None:
    for code in range(0x110000):
        character = chr(code)
        if character not in "\n\t" and unicodedata.category(character) in ACTING:
            assert visible(character) != character, hex(code)
    for plain in "größer → 数据 é 👍🏽 ✓ \u00a0\u2003":
        assert visible(plain) == plain


@given(st.text(max_size=60))
def test_a_document_says_what_it_was_given(text: str) -> None:
    assert json.loads(as_json({"text": text})) == {"text": text}
    assert json.loads(as_json({"text": text}, ascii_only=True)) == {"text": text}
    assert as_json({"text": text}, ascii_only=True).isascii()
    assert yaml.safe_load(as_yaml({"text": text})) == {"text": text}
    assert yaml.safe_load(as_yaml({"text": text}, ascii_only=True)) == {"text": text}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see https://evil.example/x?a=b now", "see `https://evil.example/x?a=b` now"),
        ("www.evil.example", "`www.evil.example`"),
        ("thanks @octocat, #12 and GH-3", "thanks `@octocat,` `#12` and `GH-3`"),
        ("ada@example.com", "`ada@example.com`"),
        ("closes acme/shop#3, acme/shop!4 !5", "closes `acme/shop#3,` `acme/shop!4` `!5`"),
        ("&lt;b&gt; &#x41;", r"\&lt;b\&gt; \&\#x41;"),
        ("a|b https://x/|`y", r"a\|b ``https://x/\|`y``"),
        ("`https://x/`", "`` `https://x/` ``"),
        ("- item", r"\- item"),
        ("---", r"\---"),
        ("1. first", r"1\. first"),
        ("a - b 1. 2) c#d", r"a - b 1. 2) c\#d"),
        ("[click](javascript:x) ![i](y)", r"\[click\](javascript:x) \!\[i\](y)"),
        ("# title\n> quote", r"\# title \> quote"),
    ],
)
def test_markdown_makes_nothing_of_it(text: str, shown: str) -> None:
    assert for_markdown(text) == shown


def test_long_texts_are_read_once() -> None:
    assert for_markdown("*" * 100_000) == r"\*" * 100_000
    assert for_terminal("::" + "\n" * 100_000).startswith(r"\x3a:")


def test_a_link_of_ours_can_be_followed() -> None:
    ours = "https://github.com/acme/web/compare/a...b"
    table = Table((Column("compare"),), ((Cell(ours, link=ours),),))
    assert f"| <{ours}> |" in markdown(View("x", {}, (table,)))
    assert markdown(View("x", {}, (Line(f"web: {ours}", link=ours),))) == f"web: <{ours}>"
    assert markdown_link("https://x/><script>") == r"`https://x/><script>`"
    assert markdown_link("javascript:x") == "javascript:x"


def test_a_finding_without_a_strange_name_is_annotated_as_ever() -> None:
    finding = Finding("shop/web.deployment", 1, "version", "50% of it\nis wrong")
    assert list(github_commands([finding])) == [
        "::error file=shop/web.deployment,line=1,title=version::50%25 of it is wrong"
    ]


@pytest.mark.parametrize("tag", ["69353e8", "1e10", "0o17", "1234567", "1.10", "0x1F", ".5e3"])
def test_no_reader_of_yaml_takes_a_hash_for_a_number(tag):
    """YAML 1.2 has other numbers than PyYAML's 1.1, and most readers are of 1.2."""
    assert as_yaml({"version": tag}) == f"version: '{tag}'"
