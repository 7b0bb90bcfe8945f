"""GitHub's API, and Gitea's, which was made after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.forge.fakes import HEAD, PROJECT, Call, FakeForge, Refused, Route, Wrong, page, reply
from tests.registry.scripted import Reply, Request


class GitHubFake(FakeForge):
    kind = "github"
    page = "pull"
    prefix = "/api/v3"
    size = "per_page"

    @property
    def routes(self) -> tuple[Route, ...]:
        at = f"{self.prefix}/repos/{PROJECT}"
        one = rf"{at}/pulls/(\d+)"
        return (
            ("GET", f"{at}/pulls", self._list),
            ("POST", f"{at}/pulls", self._create),
            ("GET", one, lambda call: reply(200, self.shown(self.at(call.parts[0])))),
            ("GET", at, lambda call: reply(200, self.allowed())),
            ("GET", f"{one}/commits", self._commits),
            ("PATCH", one, self._change),
            ("POST", f"{one}/requested_reviewers", self._review),
            ("POST", rf"{at}/issues/(\d+)/labels", self._label),
            ("POST", rf"{at}/issues/(\d+)/comments", self._comment),
            ("PATCH", rf"{at}/issues/comments/(\d+)", self._edit),
            *self.own(at),
        )

    def own(self, at: str) -> tuple[Route, ...]:
        """Return what Gitea has in another way."""
        return (
            ("GET", rf"{at}/issues/(\d+)/comments", self._comments),
            ("POST", rf"{at}/issues/(\d+)/assignees", self._assign),
            ("PUT", rf"{at}/pulls/(\d+)/merge", self._merge),
            ("POST", "/api/graphql", self._graphql),
        )

    def check_headers(self, request: Request) -> None:
        super().check_headers(request)
        if (
            request.headers.get("accept") != "application/vnd.github+json"
            or request.headers.get("x-github-api-version") != "2022-11-28"
        ):
            raise Wrong("headers")

    def _list(self, call: Call) -> Reply:
        call.only("state", "head", "base", "page", self.size)
        return reply(200, page([self.shown(r) for r in self.fitting(call.asked)], call.asked))

    def fitting(self, asked: Mapping[str, str]) -> list[dict[str, Any]]:
        return [
            r
            for r in self.open
            if asked.get("head", f"acme:{r['branch']}") == f"acme:{r['branch']}"
            and asked.get("base", r["base"]) == r["base"]
        ]

    def _create(self, call: Call) -> Reply:
        call.typed(title=str, body=str, head=str, base=str, draft=bool)
        c = call.content
        made = self.add(c["title"], c["body"], c["head"], c["base"], conflict=422, draft=c["draft"])
        return reply(201, self.shown(made))

    def _change(self, call: Call) -> Reply:
        call.typed(title=str, body=str, state=str, whole=False)
        request = self.at(call.parts[0])
        request.update(call.content)
        return reply(200, self.shown(request))

    def _label(self, call: Call) -> Reply:
        call.typed(labels=list)
        request = self.at(call.parts[0])
        request["labels"] += call.content["labels"]
        return reply(200, [{"name": name} for name in request["labels"]])

    def _review(self, call: Call) -> Reply:
        call.typed(reviewers=list, team_reviewers=list)
        if "linus" in call.content["reviewers"]:
            raise Refused(422, "Review cannot be requested from pull request author.")
        request = self.at(call.parts[0])
        request["reviewers"] += call.content["reviewers"] + call.content["team_reviewers"]
        return reply(201, self.shown(request))

    def _assign(self, call: Call) -> Reply:
        call.typed(assignees=list)
        request = self.at(call.parts[0])
        request["assignees"] += call.content["assignees"]
        shown = self.shown(request)
        return reply(201, {name: shown[name] for name in ("number", "html_url", "assignees")})

    def allowed(self) -> dict[str, bool]:
        return {
            "allow_rebase_merge": "rebase" in self.ways,
            "allow_squash_merge": "squash" in self.ways,
        }

    def _commits(self, call: Call) -> Reply:
        call.only("page", self.size)
        found = [{"commit": {"message": text}} for text in self.texts]
        return reply(200, page(found, call.asked))

    def need_way(self, way: str) -> None:
        """Refuse a way to merge that is not allowed, or what is still looked at."""
        if self.looking:
            self.looking -= 1
            raise Refused(405, "Base branch was modified. Review and try the merge again.")
        if way not in self.ways:
            raise Refused(405, f"{way.title()} commits are not allowed on this repository.")

    def _merge(self, call: Call) -> Reply:
        call.typed(sha=str, merge_method=str, commit_title=str, commit_message=str, whole=False)
        self.need_way(call.content["merge_method"])
        self.merge(self.at(call.parts[0]), call.content["sha"])
        self.merged_with = call.content
        return reply(200, {"merged": True})

    def _graphql(self, call: Call) -> Reply:
        call.typed(query=str, variables=dict)
        about = call.content["variables"]
        if set(about) != {"id", "head", "method", "title", "text"}:
            raise Wrong("variables")
        if about["method"].lower() not in self.ways:
            said = f"Merge method {about['method'].lower()} commits are not allowed"
            return reply(200, {"data": None, "errors": [{"message": said}]})
        self.merged_with = about
        request = self.at(about["id"].removeprefix("node-"))
        if about["head"] != HEAD or "enablePullRequestAutoMerge(" not in call.content["query"]:
            raise Wrong("mutation")
        if self.clean:
            said = "Pull request is in clean status"
            return reply(200, {"data": None, "errors": [{"message": said}]})
        request["auto_merge"] = about["head"]
        return reply(200, {"data": {"enablePullRequestAutoMerge": {"clientMutationId": None}}})

    def _comments(self, call: Call) -> Reply:
        call.only("page", self.size)
        return reply(200, page(self.at(call.parts[0])["comments"], call.asked))

    def _comment(self, call: Call) -> Reply:
        call.typed(body=str)
        number = sum(len(r["comments"]) for r in self.requests) + 1
        self.at(call.parts[0])["comments"].append({"id": number, **call.content})
        return reply(201, {"id": number})

    def _edit(self, call: Call) -> Reply:
        call.typed(body=str)
        for comment in (c for r in self.requests for c in r["comments"]):
            if str(comment["id"]) == call.parts[0]:
                comment.update(call.content)
                return reply(200, comment)
        raise Refused(404, "Not Found")

    def shown(self, r: Mapping[str, Any]) -> dict[str, Any]:
        merged = r["state"] == "merged"
        return {
            "number": r["number"],
            "html_url": self.url(r),
            "title": r["title"],
            "body": r["body"],
            "state": "closed" if merged else r["state"],
            "merged_at": "2026-01-01T00:00:00Z" if merged else None,
            "draft": r["draft"],
            "head": {"ref": r["branch"], "sha": HEAD},
            "base": {"ref": r["base"], "sha": "0" * 40},
            "user": {"login": "ada"},
            "node_id": f"node-{r['number']}",
            "assignees": [{"login": name} for name in r["assignees"]],
        }


class GiteaFake(GitHubFake):
    kind = "gitea"
    page = "pulls"
    prefix = "/api/v1"
    size = "limit"

    @property
    def authorization(self) -> str:
        return f"token {self.token}"

    def own(self, at: str) -> tuple[Route, ...]:
        return (
            ("POST", rf"{at}/pulls/(\d+)/merge", self._merge),
            ("GET", rf"{at}/issues/(\d+)/comments", self._all_comments),
            ("GET", f"{self.prefix}/user", lambda call: reply(200, {"id": 5})),
        )

    def _all_comments(self, call: Call) -> Reply:
        call.only()
        return reply(200, self.at(call.parts[0])["comments"])

    def _comment(self, call: Call) -> Reply:
        said = super()._comment(call)
        self.at(call.parts[0])["comments"][-1]["user"] = {"id": 5}
        return said

    def check_headers(self, request: Request) -> None:
        FakeForge.check_headers(self, request)

    def _label(self, call: Call) -> Reply:
        call.content["labels"] = [name for name in call.content["labels"] if name != "unheard-of"]
        return super()._label(call)

    def _review(self, call: Call) -> Reply:
        super()._review(call)
        return reply(201, [])

    def fitting(self, asked: Mapping[str, str]) -> list[dict[str, Any]]:
        return self.open  # it cannot be asked for a branch

    def _create(self, call: Call) -> Reply:
        call.typed(title=str, body=str, head=str, base=str)
        c = call.content
        made = self.add(c["title"], c["body"], c["head"], c["base"], conflict=409)
        return reply(201, self.shown(made))

    def _change(self, call: Call) -> Reply:
        call.typed(title=str, body=str, state=str, assignees=list, whole=False)
        request = self.at(call.parts[0])
        request.update(call.content)
        return reply(201, self.shown(request))

    def allowed(self) -> dict[str, bool]:
        known = {"allow_rebase_explicit": "rebase-merge", "allow_rebase": "rebase"}
        known |= {"allow_squash_merge": "squash"}
        known |= {"allow_fast_forward_only_merge": "fast-forward-only"}
        return {setting: way in self.ways for setting, way in known.items()}

    def need_way(self, way: str) -> None:
        if self.looking:
            self.looking -= 1
            raise Refused(405, "Please try again later")
        if way not in self.ways:
            raise Refused(405, f"{way} is not allowed an allowed merge style for this repository")

    def _merge(self, call: Call) -> Reply:
        texts = {"Do": str, "head_commit_id": str, "MergeTitleField": str, "MergeMessageField": str}
        call.typed(**texts, merge_when_checks_succeed=bool, whole=False)
        self.need_way(call.content["Do"])
        self.merged_with = call.content
        request = self.at(call.parts[0])
        if call.content.get("merge_when_checks_succeed"):
            request["auto_merge"] = call.content["head_commit_id"]
            return Reply(200)
        self.merge(request, call.content["head_commit_id"])
        return Reply(200)

    def shown(self, r: Mapping[str, Any]) -> dict[str, Any]:
        shown = super().shown(r)
        shown["draft"] = r["title"].startswith("WIP: ")
        del shown["node_id"]
        if shown["merged_at"] is None:
            del shown["merged_at"]
        for end in ("head", "base"):
            shown[end]["repo_id"] = 3
        return shown
