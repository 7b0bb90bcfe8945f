"""Pages of HTML: what stands in them is text, and nothing but our own style and script acts."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

from gitops_cli.render.page import view_page
from gitops_cli.render.view import Cell, Column, Flow, Line, Style, Table, View

HOSTILE = (
    "</title></script></style><script>alert(1)</script>",
    "<img src=//evil.example.com onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "' style='x",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "\x00note\x00 \x1b[31m \u202e",
    "&lt;b&gt;",
)
EMPTY = {"meta", "input", "link", "br", "path"}


class Read(HTMLParser):
    """Everything of a page: its elements with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def check_safe(page: str) -> Read:
    """Fail unless a page can run and load nothing but what is ours; return what it holds."""
    read = Read(page)
    assert len(read.of("script")) == len(read.of("style")) == 1
    assert not {name for name, _ in read.elements} & {"img", "iframe", "object", "base", "embed"}
    for _, attributes in read.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert not attributes.keys() & {"src", "srcset", "action", "background", "poster"}
        assert (attributes.get("href") or "#").startswith(("#", "https://", "http://"))
    [policy] = [
        meta["content"]
        for meta in read.of("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    assert str(policy).startswith("default-src 'none'; ")
    for tag in ("style", "script"):
        [found] = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(found.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in str(policy)
    assert "unsafe" not in str(policy)
    assert "\x00" not in page
    return read


def test_text_from_elsewhere_is_text() -> None:
    rows = [[Cell(text, Style.BAD), text] for text in HOSTILE]
    blocks = [
        Table((Column("what"), Column("why", flow=Flow.PROSE)), rows, HOSTILE[0]),
        *(Line(text) for text in HOSTILE),
    ]
    page = view_page(View("x", {}, blocks, legend=HOSTILE[0]), HOSTILE[0])
    read = check_safe(page)
    assert read.text.count(HOSTILE[1]) == 3
    assert "\\x00note\\x00 \\x1b[31m \\u202e" in read.text
    assert "{{ 7 * 7 }}" in read.text


def test_what_a_page_shows() -> None:
    link = "https://forge.example.com/compare/a...b"
    blocks = [
        Line("3 commits: " + link, Style.GOOD, link),
        Line("click javascript:alert(1)", link="javascript:alert(1)"),
        Table((Column("service"), Column("n", right=True, versus="dev")), [["web", "1"]], "shop"),
        Line("  + image: b"),
    ]
    read = check_safe(view_page(View("diff", {}, blocks), "gitops diff"))
    assert [a["href"] for a in read.of("a")] == ["#main", link]
    assert {"class": "good"} in read.of("p")
    assert {"class": "set-off"} in read.of("p")
    assert {"class": "right"} in read.of("td")
    for text in ("gitops diff", "N vs dev", "shop", "web"):
        assert text in read.text
