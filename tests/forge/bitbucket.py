"""Bitbucket Cloud's API, behind a proxy: it is at one address only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.cluster.tunnel import Tunnel
from tests.forge.fakes import FOREIGN, HEAD, PROJECT, Call, FakeForge, Route, Wrong, reply
from tests.registry.scripted import Reply, Scripted, scripted
from tests.testbed.registry import make_certificate

GRACE = "{504c3b62-8120-4f0c-a7bc-87800b9d6f70}"
_QUERY = r'(?:source\.branch\.name="(.+?)" AND destination\.branch\.name="(.+?)" AND )?state="OPEN"'


class BitbucketFake(FakeForge):
    kind = "bitbucket"
    page = "pull-requests"
    lacks = frozenset({"--label", "--assignee", "--auto-merge"})
    host = "bitbucket.org"

    @property
    def remote(self) -> str:
        return f"https://{self.host}/{self.path}"

    @contextmanager
    def served(self) -> Iterator[Scripted]:
        with TemporaryDirectory() as directory:
            authority = make_certificate(Path(directory), "api.bitbucket.org")
            with scripted(self.answer, certificate=Path(directory)) as server:
                self.address = server.address
                with Tunnel(int(server.address.partition(":")[2])) as tunnel:
                    self.variables = {
                        "HTTPS_PROXY": tunnel.url,
                        "NO_PROXY": "",
                        "SSL_CERT_FILE": str(authority),
                    }
                    yield server
                    assert set(tunnel.asked) <= {"api.bitbucket.org:443"}

    @property
    def routes(self) -> tuple[Route, ...]:
        at = f"/2.0/repositories/{PROJECT}/pullrequests"
        one = rf"{at}/(\d+)"
        return (
            ("GET", at, self._list),
            ("POST", at, self._create),
            ("GET", one, lambda call: reply(200, self._shown(self.at(call.parts[0]), whole=True))),
            ("PUT", one, self._change),
            ("POST", f"{one}/merge", self._merge),
            ("POST", f"{one}/decline", self._decline),
            ("GET", f"{one}/comments", self._comments),
            ("POST", f"{one}/comments", self._comment),
            ("PUT", rf"{one}/comments/(\d+)", self._edit),
            ("GET", "/2.0/workspaces/acme/members", self._members),
        )

    def refusal(self, status: int, message: str) -> Reply:
        return reply(status, {"type": "error", "error": {"message": message}})

    def _list(self, call: Call) -> Reply:
        call.only("q", "pagelen", "page")
        found = re.fullmatch(_QUERY, call.asked["q"])
        if found is None:
            raise Wrong("query language")
        branch, base = found.groups()
        fits = [
            self._shown(r)
            for r in self.open
            if branch in (None, r["branch"]) and base in (None, r["base"])
        ]
        if branch is None:
            fork = {**FOREIGN, "title": "of a fork", "body": "", "branch": "x", "base": "main"}
            shown = self._shown(fork)
            shown["source"]["repository"] = {"type": "repository", "full_name": "eve/state"}
            fits.append(shown)
        return _paged(fits, call)

    def _create(self, call: Call) -> Reply:
        call.typed(title=str, description=str, source=dict, destination=dict, draft=bool)
        c = call.content
        made = self.add(
            c["title"],
            c["description"],
            c["source"]["branch"]["name"],
            c["destination"]["branch"]["name"],
            conflict=400,
            draft=c["draft"],
        )
        return reply(201, self._shown(made, whole=True))

    def _change(self, call: Call) -> Reply:
        call.typed(title=str, description=str, reviewers=list)
        request, c = self.at(call.parts[0]), call.content
        request["title"], request["body"] = c["title"], c["description"]
        people = {GRACE: "grace"}
        request["reviewers"] = [people[each["uuid"]] for each in c["reviewers"]]
        return reply(200, self._shown(request, whole=True))

    def _merge(self, call: Call) -> Reply:
        call.typed(type=str)
        request = self.at(call.parts[0])
        self.merge(request, HEAD)
        return reply(200, self._shown(request, whole=True))

    def _decline(self, call: Call) -> Reply:
        request = self.at(call.parts[0])
        request["state"] = "closed"
        return reply(200, self._shown(request, whole=True))

    def _members(self, call: Call) -> Reply:
        call.only("pagelen", "page")
        people = [("{0}", "ada"), (GRACE, "grace")]
        user = [{"uuid": uuid, "nickname": name, "type": "user"} for uuid, name in people]
        return _paged([{"type": "workspace_membership", "user": each} for each in user], call)

    def _comments(self, call: Call) -> Reply:
        call.only("pagelen", "page")
        shown = [
            {"id": c["id"], "type": "pullrequest_comment", "content": {"raw": c["body"]}}
            for c in self.at(call.parts[0])["comments"]
        ]
        of_a_line = {"id": 99, "type": "pullrequest_comment", "content": {"raw": "of a line"}}
        shown.append({**of_a_line, "inline": {"path": "gitops.toml", "from": None, "to": 1}})
        return _paged(shown, call)

    def _comment(self, call: Call) -> Reply:
        call.typed(content=dict)
        comments = self.at(call.parts[0])["comments"]
        comments.append({"id": len(comments) + 1, "body": call.content["content"]["raw"]})
        return reply(201, {"id": len(comments)})

    def _edit(self, call: Call) -> Reply:
        call.typed(content=dict)
        comment = self.at(call.parts[0])["comments"][int(call.parts[1]) - 1]
        comment["body"] = call.content["content"]["raw"]
        return reply(200, {"id": comment["id"]})

    def _shown(self, r: Mapping[str, Any], *, whole: bool = False) -> dict[str, Any]:
        repository = {"type": "repository", "full_name": PROJECT}
        states = {"open": "OPEN", "merged": "MERGED", "closed": "DECLINED"}
        shown = {
            "type": "pullrequest",
            "id": r["number"],
            "title": r["title"],
            "description": r["body"],
            "summary": {"raw": r["body"]},
            "state": states[r["state"]],
            "draft": r["draft"],
            "source": {
                "branch": {"name": r["branch"]},
                "commit": {"hash": HEAD[:12]},
                "repository": repository,
            },
            "destination": {"branch": {"name": r["base"]}, "repository": repository},
            "author": {"type": "user", "nickname": "ada"},
            "links": {"html": {"href": self.url(r)}},
        }
        if whole:
            shown["reviewers"] = [{"type": "user", "uuid": GRACE} for _ in r["reviewers"]]
        return shown


def _paged(found: list[Any], call: Call) -> Reply:
    size, number = int(call.asked["pagelen"]), int(call.asked["page"])
    more = {"next": "https://api.bitbucket.org/2.0/more"} if len(found) > number * size else {}
    return reply(200, {"values": found[(number - 1) * size : number * size], **more})
