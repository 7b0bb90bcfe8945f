"""Bitbucket Data Center's API (10.0)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.forge.fakes import FOREIGN, HEAD, Call, FakeForge, Refused, Route, Wrong, reply
from tests.registry.scripted import Reply

_HEADS = "refs/heads/"
_REPOSITORY = {"slug": "state", "project": {"key": "ACME"}}


class DataCenterFake(FakeForge):
    kind = "bitbucket"
    name = "data center"
    page = "pull-requests"
    path = "scm/ACME/state"
    lacks = frozenset({"--label", "--assignee"})

    @property
    def routes(self) -> tuple[Route, ...]:
        at = "/rest/api/latest/projects/ACME/repos/state/pull-requests"
        one = rf"{at}/(\d+)"
        return (
            ("GET", at, self._list),
            ("POST", at, self._create),
            ("GET", one, lambda call: reply(200, self._shown(self.at(call.parts[0])))),
            ("PUT", one, self._change),
            ("POST", f"{one}/participants", self._review),
            ("POST", f"{one}/merge", self._merge),
            ("POST", f"{one}/decline", self._decline),
            ("GET", f"{one}/activities", self._activities),
            ("POST", f"{one}/comments", self._comment),
            ("GET", rf"{one}/comments/(\d+)", lambda call: reply(200, self._note(call))),
            ("PUT", rf"{one}/comments/(\d+)", self._edit),
        )

    def refusal(self, status: int, message: str) -> Reply:
        status = 409 if status == 405 else status
        error = {"context": None, "message": "refused", "exceptionName": "com.atlassian.Refused"}
        vetoes = [{"summaryMessage": "Not all required", "detailedMessage": message}]
        return reply(status, {"errors": [{**error, "vetoes": vetoes}]})

    def url(self, request: Mapping[str, Any]) -> str:
        page = f"http://{self.host}/projects/ACME/repos/state"
        return f"{page}/{self.page}/{request['number']}"

    def _list(self, call: Call) -> Reply:
        call.only("state", "at", "direction", "limit", "start")
        asked = call.asked
        if asked["state"] != "OPEN" or asked.get("direction", "OUTGOING") != "OUTGOING":
            raise Wrong("which requests")
        fits = [
            self._shown(r)
            for r in self.open
            if asked.get("at", _HEADS + r["branch"]) == _HEADS + r["branch"]
        ]
        if "at" not in asked:
            fork = {**FOREIGN, "title": "of a fork", "body": "", "branch": "x", "base": "main"}
            shown = self._shown(fork)
            shown["fromRef"]["repository"] = {"slug": "state", "project": {"key": "~eve"}}
            fits.append(shown)
        return _paged(fits, call)

    def _create(self, call: Call) -> Reply:
        texts = {"title": str, "description": str}
        call.typed(**texts, fromRef=dict, toRef=dict, draft=bool, whole=False)
        c = call.content
        for end in ("fromRef", "toRef"):
            if c[end]["repository"] != _REPOSITORY or not c[end]["id"].startswith(_HEADS):
                raise Wrong(end)
        ends = [c[end]["id"].removeprefix(_HEADS) for end in ("fromRef", "toRef")]
        draft = c.get("draft", False)
        made = self.add(c["title"], c["description"], *ends, conflict=409, draft=draft)
        return reply(201, self._shown(made))

    def _change(self, call: Call) -> Reply:
        call.typed(version=int, title=str, description=str, reviewers=list, draft=bool)
        request, c = self.at(call.parts[0]), call.content
        self._hold(request, c["version"])
        request.update(title=c["title"], body=c["description"], draft=c["draft"])
        request["reviewers"] = [each["user"]["name"] for each in c["reviewers"]]
        request["version"] = c["version"] + 1
        return reply(200, self._shown(request))

    def _review(self, call: Call) -> Reply:
        call.typed(role=str, user=dict)
        name = call.content["user"]["name"]
        if call.content["role"] != "REVIEWER":
            raise Wrong("role")
        self.at(call.parts[0])["reviewers"].append(name)
        return reply(200, {"user": {"name": name}, "role": "REVIEWER"})

    def _merge(self, call: Call) -> Reply:
        call.only("version")
        call.typed(version=int, autoMerge=bool, whole=False)
        request, c = self.at(call.parts[0]), call.content
        if call.asked["version"] != str(c["version"]):
            raise Wrong("two versions")
        self._hold(request, c["version"])
        if c.get("autoMerge"):
            request["auto_merge"] = HEAD
        else:
            self.merge(request, HEAD)
        return reply(200, self._shown(request))

    def _decline(self, call: Call) -> Reply:
        call.only("version")
        call.typed(version=int)
        request = self.at(call.parts[0])
        self._hold(request, call.content["version"])
        request["state"] = "closed"
        return reply(200, self._shown(request))

    def _activities(self, call: Call) -> Reply:
        call.only("limit", "start")
        said = [
            {
                "id": 10 + comment["id"],
                "action": "COMMENTED",
                "commentAction": "ADDED",
                "comment": {"id": comment["id"], "version": 0, "text": comment["body"]},
            }
            for comment in self.at(call.parts[0])["comments"]
        ]
        on_a_line = {
            "id": 2,
            "action": "COMMENTED",
            "commentAction": "ADDED",
            "comment": {"id": 99, "version": 0, "text": "of a line"},
            "commentAnchor": {"path": "gitops.toml", "line": 1},
        }
        return _paged([*reversed(said), on_a_line, {"id": 1, "action": "OPENED"}], call)

    def _comment(self, call: Call) -> Reply:
        call.typed(text=str)
        comments = self.at(call.parts[0])["comments"]
        comments.append({"id": len(comments) + 1, "body": call.content["text"], "version": 0})
        return reply(201, {"id": len(comments), "version": 0, "text": call.content["text"]})

    def _note(self, call: Call) -> dict[str, Any]:
        comment = self.at(call.parts[0])["comments"][int(call.parts[1]) - 1]
        return {"id": comment["id"], "version": comment["version"], "text": comment["body"]}

    def _edit(self, call: Call) -> Reply:
        call.typed(text=str, version=int)
        comment = self.at(call.parts[0])["comments"][int(call.parts[1]) - 1]
        self._hold(comment, call.content["version"])
        comment.update(body=call.content["text"], version=comment["version"] + 1)
        return reply(200, self._note(call))

    def _hold(self, what: Mapping[str, Any], version: int) -> None:
        if what.get("version", 0) != version:
            raise Refused(409, "it is of another version by now")

    def _shown(self, r: Mapping[str, Any]) -> dict[str, Any]:
        states = {"open": "OPEN", "merged": "MERGED", "closed": "DECLINED"}
        ends = {"fromRef": (r["branch"], HEAD), "toRef": (r["base"], "0" * 40)}
        return {
            "id": r["number"],
            "version": r.get("version", 0),
            "title": r["title"],
            "description": r["body"],
            "state": states[r["state"]],
            "open": r["state"] == "open",
            "closed": r["state"] != "open",
            "draft": r["draft"],
            **{
                end: {
                    "id": _HEADS + branch,
                    "displayId": branch,
                    "latestCommit": commit,
                    "repository": _REPOSITORY,
                }
                for end, (branch, commit) in ends.items()
            },
            "author": {"user": {"name": "ada"}, "role": "AUTHOR"},
            "reviewers": [{"user": {"name": n}, "role": "REVIEWER"} for n in r["reviewers"]],
            "links": {"self": [{"href": self.url(r)}]},
        }


def _paged(found: list[Any], call: Call) -> Reply:
    size, start = int(call.asked["limit"]), int(call.asked["start"])
    is_last = start + size >= len(found)
    more = {} if is_last else {"nextPageStart": start + size}
    page = {"start": start, "limit": size, "isLastPage": is_last, **more}
    return reply(200, {"values": found[start : start + size], **page})
