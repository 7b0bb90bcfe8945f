"""One forge's HTTP API: JSON to and fro, patience with its limits, and its refusals in words."""

from __future__ import annotations

import codecs
import itertools
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec

from gitops_cli.domain.errors import Denied, ForgeConflict, ForgeError
from gitops_cli.domain.text import one_line, without_secrets
from gitops_cli.forge.tokens import ForgeToken
from gitops_cli.web.address import Address
from gitops_cli.web.connection import Site
from gitops_cli.web.exchange import Broken, HttpRequest, Response
from gitops_cli.web.patience import backoff, jitter, pause, retry_after
from gitops_cli.web.pool import Pool
from gitops_cli.web.proxy import proxy_to
from gitops_cli.web.tls import Trust, make_context

QUESTION_SECONDS = 30.0
MOST = 8 * 1024 * 1024  # bytes of an answer: a page of requests with their texts
BROKEN_TRIES = 3
PAGE = 50
"""What is asked for at once: the most that Gitea gives where nobody has set another limit."""
MOST_PAGES = 100
_BUSY = frozenset({502, 503, 504})
_REFUSALS = frozenset({401, 403})
_CONFLICTS = frozenset({400, 405, 409, 422})  # 400: Bitbucket's word for all of them
_NEXT = r'\brel="?next\b'
T = TypeVar("T")


class ForgeApi:
    """Asks below `base`; who we are goes to its host and nowhere else, as no redirect is followed.

    `marks` are headers that the API wants with each request. `left` says how many of the usual
    seconds there are for a question.
    """

    def __init__(
        self,
        base: Address,
        token: ForgeToken,
        *,
        accept: str,
        marks: Sequence[tuple[str, str]] = (),
        left: Callable[[float], float] = lambda usual: usual,
    ) -> None:
        tls = make_context(Trust()) if base.scheme == "https" else None
        site = Site(base._replace(path=""), tls, proxy=proxy_to(base))
        self._pool = Pool(site, lambda: marks, most=MOST)
        self._left = left
        self.below = base.path
        self._host = base.netloc
        self._token = token
        self._accept = accept

    @property
    def is_asked_for(self) -> bool:
        """Tell whether the token was given for an API, and not found where git has it."""
        return self._token.given

    def close(self) -> None:
        self._pool.close()

    def pages(
        self, path: str, kind: type[T], asked: Mapping[str, str], *, size: str = "per_page"
    ) -> Iterator[T]:
        """Yield what all pages of a list have; `size` is what the API calls a page's size."""
        for number in range(1, MOST_PAGES):
            page = {size: str(PAGE), "page": str(number)}
            answer = self._asked("GET", f"{path}?{urlencode({**asked, **page})}")
            found = self._read(answer, list[kind])  # type: ignore[valid-type]
            yield from found
            # A server may have shorter pages than we ask for, and says so here.
            links = answer.headers.get("link")
            if len(found) < PAGE if links is None else re.search(_NEXT, links) is None:
                return

    def ask(
        self,
        method: str,
        path: str,
        kind: type[T],
        content: Mapping[str, Any] | None = None,
        *,
        below: str | None = None,
    ) -> T:
        """Return the answer as a value of `kind`; `below`: of another path than the API's.

        Raises ForgeError, of it ForgeConflict for what the forge will not do as things stand, or
        Denied.
        """
        return self._read(self._asked(method, path, content, below=below), kind)

    def _asked(
        self,
        method: str,
        path: str,
        content: Mapping[str, Any] | None = None,
        *,
        below: str | None = None,
    ) -> Response:
        body = None if content is None else json.dumps(content).encode()
        whole = f"{self.below if below is None else below}{path}"
        request = HttpRequest(
            method, whole, body, accept=self._accept, authorization=self._token.authorization
        )
        answer = self._answer(request)
        if not 200 <= answer.status < 300:
            raise self._refused(answer, method, path)
        return answer

    def _read(self, answer: Response, kind: type[T]) -> T:
        body = answer.body.removeprefix(codecs.BOM_UTF8)
        try:
            return msgspec.json.decode(body or b"null", type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            is_page = body.lstrip()[:1] == b"<"
            said = "a page for people" if is_page else one_line(str(error))[:200]
            hint = "is a proxy or a login before it, or is its API at another address?"
            raise ForgeError(
                f"{self._host}: its answer is not one of this API: {said}",
                hint=hint if is_page else None,
            ) from None

    def _answer(self, request: HttpRequest) -> Response:
        """Return an answer; what may have been done already is not asked for again."""
        end = time.monotonic() + self._left(QUESTION_SECONDS)
        for attempt in itertools.count():
            try:
                left = max(0.1, end - time.monotonic())
                answer = self._pool.send(request, timeout=left)
            except Broken as broken:
                repeatable = request.method == "GET" or not broken.sent
                again = broken.again and repeatable and attempt + 1 < BROKEN_TRIES
                if not (again and pause(backoff(attempt), end)):
                    raise ForgeError(f"{self._host}: {broken}") from broken
                continue
            asked = _asks_to_wait(answer)
            if _is_limit(answer):  # it was not done
                again = answer.status == 429 or asked is not None
            else:  # who answers 502 to 504 may have done it
                again = answer.status in _BUSY and request.method == "GET"
            wait = backoff(attempt) if asked is None else asked + jitter(0, 0.5)
            if not (again and pause(wait, end)):
                return answer
        raise AssertionError("the loop above has no end")

    def _refused(self, answer: Response, method: str, path: str) -> ForgeError | Denied:
        what = f"{self._host}: {method} {path.partition('?')[0]}: {answer.status}"
        said = f"{what}{explanation(answer.body)}"
        if _is_limit(answer):
            wait = _asks_to_wait(answer)
            hint = "wait a minute" if wait is None else f"it asks to come back in {wait:.0f} s"
            return ForgeError(f"{said}: asked too often", hint=hint)
        if answer.status in _REFUSALS:
            return Denied(
                f"{self._host} refuses the token of {self._token.origin} "
                f"({answer.status}{explanation(answer.body)})",
                hint="it has expired, or may not write pull or merge requests",
            )
        if answer.status == 404:
            return Denied(
                f"{said}: not there, or not to be seen with the token of {self._token.origin}"
            )
        if 300 <= answer.status < 400:
            return ForgeError(said, hint="has the repository another address now?")
        return ForgeConflict(said) if answer.status in _CONFLICTS else ForgeError(said)


def _is_limit(answer: Response) -> bool:
    """Tell whether it was asked too often; GitHub says so with the status of a refusal, too."""
    if answer.status != 403:
        return answer.status == 429
    headers = answer.headers
    is_said = headers.get("x-ratelimit-remaining") == "0" or "retry-after" in headers
    return is_said or "rate limit" in explanation(answer.body).lower()


def _asks_to_wait(answer: Response) -> float | None:
    """Return for how many seconds we are asked to stay away; None: it does not say."""
    headers = answer.headers
    asked = retry_after(headers.get("retry-after", ""))
    until = headers.get("x-ratelimit-reset", "")
    is_used_up = headers.get("x-ratelimit-remaining") == "0"
    if asked is not None or not (is_used_up and until.isascii() and until.isdecimal()):
        return asked
    return max(0.0, float(until[:12]) - time.time())


def explanation(body: bytes) -> str:
    """Return a forge's own words, `: …`; nothing where it has none."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(content, dict):
        return ""
    words = [content.get("message") or content.get("error"), content.get("error_description")]
    if isinstance(words[0], dict) and isinstance(words[0].get("message"), str):
        words = [words[0]["message"], words[0].get("fields")]  # Bitbucket's
    errors = content.get("errors")
    for error in errors if isinstance(errors, list) else []:
        words.append(error.get("message") or _field(error) if isinstance(error, dict) else error)
        vetoes = error.get("vetoes") if isinstance(error, dict) else None  # a Data Center's
        vetoes = vetoes if isinstance(vetoes, list) else []
        words += [veto.get("detailedMessage") for veto in vetoes if isinstance(veto, dict)]
    # GitLab's `message` may be a list, or an object of lists.
    said = "; ".join(w if isinstance(w, str) else json.dumps(w) for w in words if w)
    return f": {one_line(without_secrets(said))[:300]}" if said else ""


def _field(error: Mapping[str, Any]) -> str:
    """Return what GitHub says of a field without a message: `base invalid`."""
    return " ".join(str(error[key]) for key in ("field", "code") if error.get(key))
