"""Pages of HTML in a real browser: they show, filter and sort, reach nobody, and can be read."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.render.test_page import HOSTILE
from tests.testbed.browser import NARROW, WIDE, browser, opened
from tests.testbed.git import Commit, add_commits, git, init_bare
from tests.testbed.gitops import Gitops, gitops_with_home
from tests.testbed.kube import PATIENCE

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("browser")]

HOUR, START = 3600, 1_790_000_000
VERSIONS = [letter * 40 for letter in "abcdef"]
SERVICES = ("billing", "catalog", "email")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as started:
        yield started


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Gitops:
    """Return the command in a clone whose commits are by somebody who means the page ill."""
    root = tmp_path_factory.mktemp("pages")
    remote = init_bare(root / "state.git")
    names = ("shop-staging", "shop-production")
    commits = [Commit("Begin", {f"{name}/images_path": "r/\n" for name in names}, START)]
    for number, version in enumerate(VERSIONS):
        for place, name in enumerate(names[: 1 + (number < 4)]):
            files = {f"{name}/{service}.deployment": f"{version}\n" for service in SERVICES}
            reason = HOSTILE[number].replace("\x00", "")
            text = f"x\n\nGitops-Action: promote\nGitops-Reason: {reason}"
            at = START + (10 * number + place) * HOUR
            commits.append(Commit(text, files, at, "Mallory <script>alert(2)<"))
    back = f"Undo\n\nGitops-Action: rollback\nGitops-Override: {HOSTILE[1]}"
    files = {"shop-production/billing.deployment": f"{VERSIONS[2]}\n"}
    commits.append(Commit(back, files, START + 60 * HOUR))
    lock = {"shop-production/email.lock": f"by = '{HOSTILE[1]}'\nreason = '''{HOSTILE[0]}'''\n"}
    commits.append(Commit("Hold", lock, START + 61 * HOUR))
    add_commits(remote, [c if c.author[0] != "M" else _by_mallory(c) for c in commits])
    git(root, "clone", "-q", remote, "clone")
    return gitops_with_home(root / "home").at(root / "clone")


def _by_mallory(commit: Commit) -> Commit:
    """git's own format has no room for `<` in a name."""
    return Commit(commit.subject, commit.files, commit.time, "Mallory &lt;b&gt;")


@pytest.fixture(scope="module")
def pages(state: Gitops, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the addresses of files: the report, and what other commands show."""
    folder = tmp_path_factory.mktemp("made")
    made = {
        "report": ("report", "--since", "2026-01-01"),
        "history": ("history",),
        "status": ("status",),
    }
    found = {}
    for name, words in made.items():
        file = folder / f"{name}.html"
        file.write_text(state(*words, "-o", "html").ok().stdout)
        found[name] = file.as_uri()
    return found


@pytest.mark.parametrize("name", ["report", "history", "status"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_everybody_can_read_it(
    chromium: Any, pages: dict[str, str], name: str, scheme: str, size: tuple[int, int]
) -> None:
    with opened(chromium, pages[name], scheme=scheme, size=size) as seen:
        assert seen.violations() == []
        width = seen.page.evaluate("document.documentElement.scrollWidth")
        assert width <= size[0], "the page is not wider than the screen; its tables scroll"
        background = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (background == "rgb(255, 255, 255)") is (scheme == "light")
        assert seen.is_quiet, (seen.requests, seen.messages, seen.dialogs)


def test_what_strangers_wrote_stays_text(chromium: Any, pages: dict[str, str]) -> None:
    for url in pages.values():
        with opened(chromium, url) as seen:
            assert seen.page.locator("img, iframe, main script, main style").count() == 0
            assert seen.is_quiet, (seen.requests, seen.messages, seen.dialogs)
    with opened(chromium, pages["report"]) as seen:
        text = seen.page.locator("main").inner_text()
        for said in (HOSTILE[0], HOSTILE[1], HOSTILE[2], HOSTILE[5], "Mallory &lt;b&gt;"):
            assert said in text


def test_a_script_of_a_stranger_would_not_run(
    chromium: Any, pages: dict[str, str], tmp_path: Path
) -> None:
    """Even if the escaping had a hole: the policy knows our script only."""
    from urllib.parse import unquote, urlsplit

    page = Path(unquote(urlsplit(pages["report"]).path)).read_text()
    hole = "<script>alert(3)</script><img src='http://127.0.0.1:9/x' onerror='alert(4)'>"
    file = tmp_path / "hole.html"
    file.write_text(page.replace("<main", f"{hole}<main", 1))
    with opened(chromium, file.as_uri()) as seen:
        assert seen.dialogs == []
        assert len(seen.messages) >= 2, "the browser says what it refused"


def test_words_filter_all_tables(chromium: Any, pages: dict[str, str]) -> None:
    from playwright.sync_api import expect

    with opened(chromium, pages["report"]) as seen:
        page = seen.page
        rows = page.locator("#changes tbody tr:visible")
        everything = rows.count()
        page.get_by_role("searchbox", name="Filter").fill("billing production")
        expect(rows).not_to_have_count(everything)
        assert 0 < rows.count() < everything
        assert all("billing" in text and "production" in text for text in rows.all_inner_texts())
        assert "rows" in page.locator("#found").inner_text()
        expect(page).to_have_url(f"{pages['report']}#filter=billing%20production")
        page.reload()
        assert page.get_by_role("searchbox").input_value() == "billing production"
        assert rows.count() < everything
        page.get_by_role("searchbox").fill("no such thing")
        expect(rows).to_have_count(0)
        page.get_by_role("searchbox").fill("")
        expect(rows).to_have_count(everything)
        expect(page).to_have_url(pages["report"])


def test_a_keyboard_sorts(chromium: Any, pages: dict[str, str]) -> None:
    from playwright.sync_api import expect

    with opened(chromium, pages["report"]) as seen:
        page = seen.page
        head = page.locator("#services thead th", has_text="Deployed")
        cells = page.locator("#services tbody tr td:nth-child(4)")
        head.get_by_role("button").focus()
        page.keyboard.press("Enter")
        expect(head).to_have_attribute("aria-sort", "ascending")
        up = [int(text) for text in cells.all_inner_texts()]
        assert up == sorted(up)
        page.keyboard.press("Enter")
        expect(head).to_have_attribute("aria-sort", "descending")
        assert [int(text) for text in cells.all_inner_texts()] == up[::-1]
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "A week"


def test_paper_has_no_filter(chromium: Any, pages: dict[str, str]) -> None:
    with opened(chromium, pages["report"]) as seen:
        seen.page.emulate_media(media="print")
        assert not seen.page.get_by_role("searchbox").is_visible()
        assert seen.page.locator("#changes table").is_visible()


def test_a_served_page_shows_what_is_new(chromium: Any, state: Gitops) -> None:
    from playwright.sync_api import expect

    with state.start("report", "--since", "2026-01-01", "--serve", "--port", "0") as serving:
        assert serving.stdout is not None
        url = serving.stdout.readline().strip()
        with opened(chromium, url) as seen:
            assert seen.page.get_by_role("heading", level=1).inner_text() == "What was delivered"
            assert seen.requests == [url], "not even an icon"
            pause = seen.page.get_by_role("button", name="Pause the refresh")
            pause.click()
            expect(seen.page.locator("#pause")).to_contain_text("paused")
            assert seen.violations() == []
        serving.send_signal(signal.SIGINT)
        serving.wait(PATIENCE)
