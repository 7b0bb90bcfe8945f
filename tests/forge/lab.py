"""GitLab's API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from tests.forge.fakes import HEAD, PROJECT, Call, FakeForge, Refused, Route, page, reply
from tests.registry.scripted import Reply

PEOPLE = {7: "grace", 8: "linus", 9: "stranger"}
ME = {"id": 5, "username": "ada"}


class GitLabFake(FakeForge):
    kind = "gitlab"
    page = "-/merge_requests"

    @property
    def routes(self) -> tuple[Route, ...]:
        at = f"/api/v4/projects/{quote(PROJECT, safe='')}/merge_requests"
        one = rf"{at}/(\d+)"
        return (
            ("GET", "/api/v4/user", lambda call: reply(200, ME)),
            ("GET", "/api/v4/users", self._users),
            ("GET", at, self._list),
            ("POST", at, self._create),
            ("GET", one, self._get),
            ("PUT", one, self._change),
            ("PUT", f"{one}/merge", self._merge),
            ("GET", f"{one}/commits", self._commits),
            ("GET", f"{one}/notes", self._notes),
            ("POST", f"{one}/notes", self._note),
            ("PUT", rf"{one}/notes/(\d+)", self._edit),
        )

    def _users(self, call: Call) -> Reply:
        call.only("username")
        wanted = call.asked["username"]
        return reply(200, [{"id": i, "username": n} for i, n in PEOPLE.items() if n == wanted])

    def _list(self, call: Call) -> Reply:
        call.only("state", "source_branch", "target_branch", "page", "per_page")
        asked = call.asked
        fits = [
            self._shown(r)
            for r in self.open
            if asked.get("source_branch", r["branch"]) == r["branch"]
            and asked.get("target_branch", r["base"]) == r["base"]
        ]
        return reply(200, page(fits, asked))

    def _create(self, call: Call) -> Reply:
        call.typed(title=str, description=str, source_branch=str, target_branch=str)
        c = call.content
        ends = (c["source_branch"], c["target_branch"])
        return reply(201, self._shown(self.add(c["title"], c["description"], *ends, conflict=409)))

    def _change(self, call: Call) -> Reply:
        texts = {"title": str, "description": str, "add_labels": str, "state_event": str}
        call.typed(**texts, reviewer_ids=list, assignee_ids=list, whole=False)
        request, content = self.at(call.parts[0]), call.content
        request["title"] = content.get("title", request["title"])
        request["body"] = content.get("description", request["body"])
        request["labels"] += filter(None, content.get("add_labels", "").split(","))
        for whose in ("reviewer", "assignee"):
            ids = content.get(f"{whose}_ids")
            if ids is not None:
                request[f"{whose}s"] = [PEOPLE[i] for i in ids if PEOPLE[i] != "stranger"]
        if content.get("state_event") == "close":
            request["state"] = "closed"
        return reply(200, self._shown(request))

    def _get(self, call: Call) -> Reply:
        said = reply(200, self._shown(self.at(call.parts[0])))
        self.looking = max(0, self.looking - 1)
        return said

    def _commits(self, call: Call) -> Reply:
        call.only("page", "per_page")
        return reply(200, page([{"message": text} for text in self.texts], call.asked))

    def _merge(self, call: Call) -> Reply:
        flags = {"auto_merge": bool, "merge_when_pipeline_succeeds": bool}
        call.typed(sha=str, squash_commit_message=str, **flags, whole=False)
        if self.looking:
            raise Refused(405, "405 Method Not Allowed")
        self.merged_with = call.content
        request, sha = self.at(call.parts[0]), call.content["sha"]
        if call.content.get("auto_merge"):
            request["auto_merge"] = sha
        else:
            self.merge(request, sha)
        return reply(200, self._shown(request))

    def _notes(self, call: Call) -> Reply:
        call.only("page", "per_page")
        return reply(200, page(self.at(call.parts[0])["comments"], call.asked))

    def _note(self, call: Call) -> Reply:
        call.typed(body=str)
        notes = self.at(call.parts[0])["comments"]
        notes.append({"id": len(notes) + 1, "author": ME, **call.content})
        return reply(201, notes[-1])

    def _edit(self, call: Call) -> Reply:
        call.typed(body=str)
        note = self.at(call.parts[0])["comments"][int(call.parts[1]) - 1]
        note.update(call.content)
        return reply(200, note)

    def _person(self, name: str) -> dict[str, Any]:
        return next({"id": i, "username": n} for i, n in PEOPLE.items() if n == name)

    def _shown(self, r: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "iid": r["number"],
            "web_url": self.url(r),
            "title": r["title"],
            "description": r["body"],
            "state": {"open": "opened"}.get(r["state"], r["state"]),
            "draft": r["title"].startswith("Draft: "),
            "source_branch": r["branch"],
            "target_branch": r["base"],
            "sha": None if self.looking > 1 else HEAD,
            "detailed_merge_status": "checking" if self.looking else "mergeable",
            "author": {"username": "ada"},
            "reviewers": [self._person(name) for name in r["reviewers"]],
            "assignees": [self._person(name) for name in r["assignees"]],
        }
