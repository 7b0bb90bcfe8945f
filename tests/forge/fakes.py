"""Forges on 127.0.0.1, written by hand, by what we know of their APIs.

They take what those describe and nothing else: another path, header, field or type is a 400 that
the test sees. No real forge stands behind them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.registry.scripted import Reply, Request, Scripted, scripted

TOKEN = "t0ken-of-the-tests"
PROJECT = "acme/state"
HEAD = "1" * 40


class Wrong(Exception):
    """Not what the API describes."""


class Refused(Exception):
    """A status and a message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class FakeForge:
    """A repository's requests, as one forge has them; `wrong` is what did not fit its API."""

    kind: str
    address: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    token: str = TOKEN
    before: Callable[[str, str], Reply | None] = lambda method, path: None

    @property
    def open(self) -> list[dict[str, Any]]:
        return [r for r in self.requests if r["state"] in ("open", "opened")]

    def opened(self, branch: str, title: str = "theirs", body: str = "by hand") -> None:
        """Let somebody else have opened a request."""
        self._add({"title": title, "body": body, "branch": branch, "base": "main"})

    def answer(self, request: Request) -> Reply:
        method, (path, query) = request.method, urlsplit(request.path)[2:4]
        self.log.append(f"{method} {path}")
        if (said := self.before(method, path)) is not None:
            return said
        if request.headers.get("authorization") != self._authorization:
            return _reply(401, {"message": "Bad credentials"})
        try:
            content = json.loads(request.body) if request.body else {}
            asked = {name: values[0] for name, values in parse_qs(query).items()}
            self._check_headers(request)
            return self._routed(method, path, asked, content)
        except Wrong as error:
            self.wrong.append(f"{method} {request.path}: {error}")
            return _reply(400, {"message": str(error)})
        except Refused as error:
            return _reply(error.status, {"message": str(error)})

    @property
    def _authorization(self) -> str:
        return f"{'token' if self.kind == 'gitea' else 'Bearer'} {self.token}"

    def _check_headers(self, request: Request) -> None:
        if self.kind == "github" and (
            request.headers.get("accept") != "application/vnd.github+json"
            or request.headers.get("x-github-api-version") != "2022-11-28"
        ):
            raise Wrong("headers")
        if request.body and request.headers.get("content-type") != "application/json":
            raise Wrong("content type")

    def _routed(
        self, method: str, path: str, asked: Mapping[str, str], content: dict[str, Any]
    ) -> Reply:
        if self.kind == "gitlab":
            return self._gitlab(method, path, asked, content)
        prefix = "/api/v3" if self.kind == "github" else "/api/v1"
        found = re.fullmatch(
            rf"{prefix}/repos/{PROJECT}/(pulls|issues)(?:/(\d+)(?:/(\w+))?)?", path
        )
        if found is None:
            raise Wrong("path")
        what, number, sub = found.groups()
        if number is None and method == "GET":
            _only(asked, "state", "head", "base", "page", "per_page", "limit")
            return _reply(200, self._page(self._hub_list(asked), asked))
        if number is None and method == "POST":
            draft = {"draft": bool} if self.kind == "github" else {}
            _typed(content, {"title": str, "body": str, "head": str, "base": str, **draft})
            made = {**content, "branch": content["head"]}
            return _reply(201, self._hub(self._add(made, conflict=self._taken)))
        request = self._at(int(number or 0))
        if (what, sub, method) == ("pulls", None, "GET"):
            return _reply(200, self._hub(request))
        if (what, sub, method) == ("pulls", None, "PATCH"):
            _typed(content, {"title": str, "body": str, "state": str}, whole=False)
            request.update(content)
            return _reply(200, self._hub(request))
        if (what, sub, method) == ("issues", "labels", "POST"):
            _typed(content, {"labels": list})
            request["labels"] += content["labels"]
            return _reply(200, [{"name": name} for name in request["labels"]])
        if (what, sub, method) == ("pulls", "requested_reviewers", "POST"):
            _typed(content, {"reviewers": list, "team_reviewers": list})
            request["reviewers"] += content["reviewers"] + content["team_reviewers"]
            return _reply(201, self._hub(request) if self.kind == "github" else [])
        verb = "PUT" if self.kind == "github" else "POST"
        if (what, sub, method) == ("pulls", "merge", verb):
            wanted = {"sha": str} if verb == "PUT" else {"Do": str, "head_commit_id": str}
            _typed(content, wanted)
            self._merge(request, content.get("sha") or content["head_commit_id"])
            return _reply(200, {"merged": True}) if verb == "PUT" else Reply(200)
        raise Wrong("method")

    def _gitlab(
        self, method: str, path: str, asked: Mapping[str, str], content: dict[str, Any]
    ) -> Reply:
        if (method, path) == ("GET", "/api/v4/users"):
            _only(asked, "username")
            known = asked["username"] == "grace"
            return _reply(200, [{"id": 7, "username": "grace"}] if known else [])
        found = re.fullmatch(r"/api/v4/projects/([^/]+)/merge_requests(?:/(\d+)(/merge)?)?", path)
        if found is None or unquote(found[1]) != PROJECT:
            raise Wrong("path")
        if found[2] is None and method == "GET":
            _only(asked, "state", "source_branch", "target_branch", "page", "per_page", "limit")
            fits = [
                self._lab(r)
                for r in self.open
                if asked.get("source_branch", r["branch"]) == r["branch"]
                and asked.get("target_branch", r["base"]) == r["base"]
            ]
            return _reply(200, self._page(fits, asked))
        if found[2] is None and method == "POST":
            fields = ("title", "description", "source_branch", "target_branch")
            _typed(content, dict.fromkeys(fields, str))
            made = {
                "title": content["title"],
                "body": content["description"],
                "branch": content["source_branch"],
                "base": content["target_branch"],
            }
            return _reply(201, self._lab(self._add(made, conflict=409)))
        request = self._at(int(found[2] or 0))
        if found[3] and method == "PUT":
            _typed(content, {"sha": str})
            self._merge(request, content["sha"])
            return _reply(200, self._lab(request))
        if method == "PUT":
            wanted = {"title": str, "description": str, "add_labels": str, "state_event": str}
            _typed(content, {**wanted, "reviewer_ids": list}, whole=False)
            request["title"] = content.get("title", request["title"])
            request["body"] = content.get("description", request["body"])
            request["labels"] += content.get("add_labels", "").split(",")[:99]
            request["labels"] = [name for name in request["labels"] if name]
            request["reviewers"] = content.get("reviewer_ids", request["reviewers"])
            if content.get("state_event") == "close":
                request["state"] = "closed"
            return _reply(200, self._lab(request))
        if method == "GET":
            return _reply(200, self._lab(request))
        raise Wrong("method")

    @property
    def _taken(self) -> int:
        return 422 if self.kind == "github" else 409

    def _add(self, made: dict[str, Any], conflict: int | None = None) -> dict[str, Any]:
        if conflict and any(r["branch"] == made["branch"] for r in self.open):
            raise Refused(conflict, f"a request already exists for {made['branch']}")
        state = "opened" if self.kind == "gitlab" else "open"
        new = {"number": len(self.requests) + 1, "state": state, "labels": [], "reviewers": []}
        self.requests.append({"draft": False, **made, **new})
        return self.requests[-1]

    def _at(self, number: int) -> dict[str, Any]:
        if not 1 <= number <= len(self.requests):
            raise Refused(404, "Not Found")
        return self.requests[number - 1]

    def _merge(self, request: dict[str, Any], sha: str) -> None:
        if sha != HEAD:
            raise Refused(409, "Head branch was modified")
        if "blocked" in request["title"]:
            raise Refused(405, "At least 1 approving review is required")
        request["state"] = "merged"

    def _hub_list(self, asked: Mapping[str, str]) -> list[dict[str, Any]]:
        by_branch = self.kind == "github"
        return [
            self._hub(r)
            for r in self.open
            if not by_branch
            or (
                asked.get("head", f"acme:{r['branch']}") == f"acme:{r['branch']}"
                and asked.get("base", r["base"]) == r["base"]
            )
        ]

    def _page(self, found: list[Any], asked: Mapping[str, str]) -> list[Any]:
        size, page = int(asked["per_page"]), int(asked["page"])
        return found[(page - 1) * size : page * size]

    def _url(self, request: Mapping[str, Any]) -> str:
        words = {"github": "pull", "gitea": "pulls", "gitlab": "-/merge_requests"}
        return f"http://{self.address}/{PROJECT}/{words[self.kind]}/{request['number']}"

    def _hub(self, r: Mapping[str, Any]) -> dict[str, Any]:
        repository = {"repo_id": 3} if self.kind == "gitea" else {}
        merged = r["state"] == "merged"
        return {
            "number": r["number"],
            "html_url": self._url(r),
            "title": r["title"],
            "body": r["body"],
            "state": "closed" if merged else r["state"],
            "merged_at": "2026-01-01T00:00:00Z" if merged else None,
            "draft": r["draft"] or (self.kind == "gitea" and r["title"].startswith("WIP: ")),
            "head": {"ref": r["branch"], "sha": HEAD, **repository},
            "base": {"ref": r["base"], "sha": "0" * 40, **repository},
            "user": {"login": "ada"},
        }

    def _lab(self, r: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "iid": r["number"],
            "web_url": self._url(r),
            "title": r["title"],
            "description": r["body"],
            "state": r["state"],
            "draft": r["title"].startswith("Draft: "),
            "source_branch": r["branch"],
            "target_branch": r["base"],
            "sha": HEAD,
            "author": {"username": "ada"},
        }


@contextmanager
def running_forge(kind: str) -> Iterator[tuple[FakeForge, Scripted]]:
    """Serve a forge without requests; fails at its end if it was asked what its API has not."""
    forge = FakeForge(kind)
    with scripted(forge.answer) as server:
        forge.address = server.address
        yield forge, server
    assert forge.wrong == []


def _reply(status: int, content: object) -> Reply:
    return Reply(status, {"Content-Type": "application/json"}, json.dumps(content).encode())


def _only(asked: Mapping[str, str], *known: str) -> None:
    if set(asked) - set(known):
        raise Wrong(f"query {sorted(asked)}")


def _typed(content: Mapping[str, Any], fields: Mapping[str, type], *, whole: bool = True) -> None:
    if set(content) - set(fields) or (whole and set(fields) - set(content)):
        raise Wrong(f"fields {sorted(content)}")
    for name, value in content.items():
        if not isinstance(value, fields[name]):
            raise Wrong(f"type of {name}")
