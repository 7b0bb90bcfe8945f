"""Azure DevOps' API."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from tests.forge.fakes import FOREIGN, HEAD, Call, FakeForge, Refused, Route, Wrong, reply
from tests.registry.scripted import Reply, Request

GRACE = "11111111-2222-3333-4444-555555555555"
TEAM = "66666666-2222-3333-4444-555555555555"
ADA = "99999999-2222-3333-4444-555555555555"
_HEADS = "refs/heads/"


class AzureFake(FakeForge):
    kind = "azure"
    page = "pullrequest"
    path = "acme/shop/_git/state"
    lacks = frozenset({"--assignee"})

    @property
    def authorization(self) -> str:
        return f"Basic {base64.b64encode(f':{self.token}'.encode()).decode()}"

    @property
    def routes(self) -> tuple[Route, ...]:
        at = "/acme/shop/_apis/git/repositories/state/pullrequests"
        one = rf"{at}/(\d+)"
        teams = "/acme/_apis/projects/shop/teams"
        return (
            ("GET", at, self._list),
            ("POST", at, self._create),
            ("GET", one, lambda call: reply(200, self._shown(self.at(call.parts[0])))),
            ("PATCH", one, self._change),
            ("POST", f"{one}/labels", self._label),
            ("PUT", f"{one}/reviewers/([0-9a-f-]+)", self._review),
            ("GET", f"{one}/threads", self._threads),
            ("POST", f"{one}/threads", self._thread),
            ("PATCH", rf"{one}/threads/(\d+)/comments/(\d+)", self._edit),
            ("GET", teams, lambda _: reply(200, {"value": [{"id": TEAM, "name": "shop Team"}]})),
            ("GET", f"{teams}/{TEAM}/members", self._members),
        )

    def check_headers(self, request: Request) -> None:
        super().check_headers(request)
        if "api-version=7.1" not in request.path:
            raise Wrong("no version")

    def _list(self, call: Call) -> Reply:
        criteria = ("status", "sourceRefName", "targetRefName")
        call.only(*(f"searchCriteria.{name}" for name in criteria), "$top", "$skip", "api-version")
        asked = call.asked
        fits = [
            self._shown(r) | {"description": r["body"][:400]}
            for r in self.open
            if asked.get("searchCriteria.sourceRefName", _HEADS + r["branch"])
            == _HEADS + r["branch"]
            and asked.get("searchCriteria.targetRefName", _HEADS + r["base"]) == _HEADS + r["base"]
        ]
        if "searchCriteria.sourceRefName" not in asked:
            fork = {**FOREIGN, "title": "of a fork", "body": "", "branch": "x", "base": "main"}
            fits.append(self._shown(fork) | {"forkSource": {"name": f"{_HEADS}x"}})
        size, skipped = int(asked["$top"]), int(asked["$skip"])
        return reply(200, {"value": fits[skipped : skipped + size], "count": len(fits)})

    def _create(self, call: Call) -> Reply:
        texts = {"title": str, "description": str, "sourceRefName": str, "targetRefName": str}
        call.typed(**texts, isDraft=bool)
        c = call.content
        ends = [c[name].removeprefix(_HEADS) for name in ("sourceRefName", "targetRefName")]
        if len(c["description"]) > 4000:
            raise Refused(400, "Invalid argument value: description")
        made = self.add(c["title"], c["description"], *ends, conflict=409, draft=c["isDraft"])
        return reply(200, self._shown(made))

    def _change(self, call: Call) -> Reply:
        known = {"title": str, "description": str, "status": str}
        objects = {"lastMergeSourceCommit": dict, "autoCompleteSetBy": dict}
        call.typed(**known, **objects, whole=False)
        request, c = self.at(call.parts[0]), call.content
        request["title"] = c.get("title", request["title"])
        request["body"] = c.get("description", request["body"])
        if c.get("status") == "completed":
            self.merge(request, c["lastMergeSourceCommit"]["commitId"])
        if c.get("status") == "abandoned":
            request["state"] = "closed"
        if "autoCompleteSetBy" in c:
            request["auto_merge"] = HEAD if c["autoCompleteSetBy"] == {"id": ADA} else None
        return reply(200, self._shown(request))

    def _label(self, call: Call) -> Reply:
        call.typed(name=str)
        self.at(call.parts[0])["labels"].append(call.content["name"])
        return reply(200, {"name": call.content["name"]})

    def _review(self, call: Call) -> Reply:
        call.typed(vote=int)
        names = {GRACE: "grace", TEAM: "shop Team"}
        self.at(call.parts[0])["reviewers"].append(names[call.parts[1]])
        return reply(200, {"vote": 0})

    def _members(self, call: Call) -> Reply:
        people = [{"id": GRACE, "displayName": "grace", "uniqueName": "grace@example.com"}]
        return reply(200, {"value": [{"identity": person} for person in people]})

    def _threads(self, call: Call) -> Reply:
        shown = [
            {
                "id": c["id"],
                "threadContext": None,
                "comments": [{"id": 1, "content": c["body"], "commentType": "text"}],
            }
            for c in self.at(call.parts[0])["comments"]
        ]
        of_a_line = {"id": 1, "content": "of a line", "commentType": "text"}
        where = {"filePath": "/gitops.toml", "rightFileStart": {"line": 1, "offset": 1}}
        shown.append({"id": 99, "threadContext": where, "comments": [of_a_line]})
        return reply(200, {"value": shown})

    def _thread(self, call: Call) -> Reply:
        call.typed(comments=list, status=str)
        [comment] = call.content["comments"]
        comments = self.at(call.parts[0])["comments"]
        comments.append({"id": len(comments) + 1, "body": comment["content"]})
        return reply(200, {"id": len(comments)})

    def _edit(self, call: Call) -> Reply:
        call.typed(content=str)
        _, thread, number = call.parts
        if number != "1":
            raise Refused(404, "no such comment")
        self.at(call.parts[0])["comments"][int(thread) - 1]["body"] = call.content["content"]
        return reply(200, {"id": 1})

    def _shown(self, r: Mapping[str, Any]) -> dict[str, Any]:
        states = {"open": "active", "merged": "completed", "closed": "abandoned"}
        return {
            "pullRequestId": r["number"],
            "title": r["title"],
            "description": r["body"],
            "status": states[r["state"]],
            "isDraft": r["draft"],
            "sourceRefName": _HEADS + r["branch"],
            "targetRefName": _HEADS + r["base"],
            "lastMergeSourceCommit": {"commitId": HEAD},
            "createdBy": {"id": ADA, "displayName": "Ada", "uniqueName": "ada"},
        }
