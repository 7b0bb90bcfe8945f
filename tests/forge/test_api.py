"""What forges answer beside what was asked: limits, short pages, pages for people, their words."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest

from gitops_cli.domain.errors import Denied, ForgeConflict, ForgeError
from gitops_cli.forge.api import ForgeApi, explanation
from gitops_cli.forge.tokens import ForgeToken
from gitops_cli.web.address import parse_address
from tests.registry.scripted import Reply, Request, scripted

Answer = Callable[[Request], Reply]


@contextmanager
def api(answer: Answer) -> Iterator[ForgeApi]:
    with scripted(answer) as server:
        base = parse_address(f"http://{server.address}")
        found = ForgeApi(base, ForgeToken("MINE", "Bearer x"), accept="application/json")
        yield found
        found.close()


def said(status: int, content: object, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, headers or {}, json.dumps(content).encode())


LATER = str(int(time.time()) + 7_500_000)  # it begins with a 7 for as long as tests take
LIMIT = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes."}


@pytest.mark.parametrize(
    ("status", "headers", "content", "hint"),
    [
        (429, {"Retry-After": "3000"}, {}, "it asks to come back in 3000 s"),
        (403, {"Retry-After": "3000", "X-RateLimit-Remaining": "9"}, {}, "come back in 3000 s"),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": LATER}, {}, "come back in 7"),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "soon"}, {}, "wait a minute"),
        (403, {}, LIMIT, "wait a minute"),
    ],
)
def test_a_limit_is_not_taken_for_a_bad_token(status, headers, content, hint) -> None:
    with (
        api(lambda _: said(status, content, headers)) as forge,
        pytest.raises(ForgeError, match="asked too often") as error,
    ):
        forge.ask("GET", "/x", object)
    assert hint in (error.value.hint or "")


@pytest.mark.parametrize(
    ("headers", "content"), [({}, {"message": "Resource not accessible"}), ({}, [])]
)
def test_a_refusal_is_one_still(headers, content) -> None:
    with api(lambda _: said(403, content, headers)) as forge, pytest.raises(Denied):
        forge.ask("GET", "/x", object)


def test_what_a_limit_let_not_be_done_is_asked_again_when_it_says() -> None:
    answers = iter([said(403, LIMIT, {"Retry-After": "0"}), said(201, 7)])
    with api(lambda _: next(answers)) as forge:
        assert forge.ask("POST", "/x", int, {"a": 1}) == 7


def paged(links: Mapping[str, str]) -> Answer:
    """Answer pages of two whatever is asked for, of five in all."""

    def answer(request: Request) -> Reply:
        number = int(request.path.rpartition("page=")[2])
        found = list(range(5))[(number - 1) * 2 : number * 2]
        link = links["more" if number < 3 else "last"]
        return said(200, found, {"Link": link} if link else {})

    return answer


@pytest.mark.parametrize(
    ("links", "found"),
    [
        ({"more": '<http://x/?page=2>; rel="next"', "last": '<http://x/>; rel="first"'}, 5),
        ({"more": "<http://x/?page=2>; rel=next", "last": "<http://x/>; rel=prev"}, 5),
        ({"more": "", "last": ""}, 2),
    ],
)
def test_pages_that_are_shorter_than_asked_for_are_read_to_the_last(links, found) -> None:
    with api(paged(links)) as forge:
        assert list(forge.pages("/x", int, {})) == list(range(found))


def test_a_page_for_people_is_called_that() -> None:
    page = Reply(200, {"Content-Type": "text/html"}, b"\n<!DOCTYPE html><title>Log in</title>")
    with (
        api(lambda _: page) as forge,
        pytest.raises(ForgeError, match="a page for people") as error,
    ):
        forge.ask("GET", "/x", list[int])
    assert "proxy" in (error.value.hint or "")


def test_a_mark_of_the_order_of_bytes_is_no_part_of_an_answer() -> None:
    with api(lambda _: Reply(200, {}, b"\xef\xbb\xbf[1]")) as forge:
        assert forge.ask("GET", "/x", list[int]) == [1]


def test_a_conflict_is_told_with_the_field_that_is_wrong() -> None:
    wrong = {"resource": "PullRequest", "field": "base", "code": "invalid"}
    answer = said(422, {"message": "Validation Failed", "errors": [wrong]})
    with (
        api(lambda _: answer) as forge,
        pytest.raises(ForgeConflict, match=r"Validation Failed; base invalid$"),
    ):
        forge.ask("POST", "/x", object, {})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"error": "invalid_token", "error_description": "It was revoked."}, "invalid_token; It"),
        ({"error": {"message": "Bad", "fields": {"source": ["no branch"]}}}, 'Bad; {"source": ['),
        ({"message": {"base": ["is taken"]}}, '{"base": ["is taken"]}'),
        ({"message": "x", "errors": ["a", {"message": "b", "field": "c"}, {}]}, "x; a; b"),
    ],
)
def test_the_words_of_each_forge(content, words) -> None:
    assert explanation(json.dumps(content).encode()).startswith(f": {words}")
