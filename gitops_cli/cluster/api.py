"""Requests to the Kubernetes API: retried where that is safe, and failures in our words."""

from __future__ import annotations

import json
import re
import threading
import time
from typing import Any, NamedTuple, NoReturn, TypeVar
from urllib.parse import quote, urlencode

from msgspec import ValidationError

from gitops_cli.cluster.decoding import Decodes, in_words
from gitops_cli.cluster.kubeconfig import Access
from gitops_cli.cluster.schema import STATUS, Status
from gitops_cli.domain.errors import ClusterError, ClusterUnreachable, Denied, TimedOut
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.domain.text import one_line, without_long_values
from gitops_cli.web.exchange import Broken, HttpRequest, LineStream, Response, Transport
from gitops_cli.web.patience import jitter, retry_after

REQUEST_SECONDS = 30.0
ATTEMPTS = 4
T = TypeVar("T")

_MARGIN = 0.05  # seconds; sockets may give up a little early
# How kube-apiserver words what admission webhooks and policies say no to.
_DENIAL = re.compile(r'^admission webhook "[^"]*" denied the request|\bdenied request: ')
_RULE = "no missing right: a rule of the cluster, such as an admission webhook, refuses it"
_UNANSWERED = "an admission webhook of the cluster does not answer: look after its pods and Service"
# Breaks of lines, or nothing at all, to YAML, which what is applied server-side is read as.
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_WORTH_RETRYING = frozenset({429, 500, 502, 503, 504})


class Resource(NamedTuple):
    """A resource of the API: its path's beginning and its plural name."""

    base: str
    plural: str

    @property
    def api_version(self) -> str:
        """Return what a manifest has as its apiVersion."""
        return self.base.removeprefix("/apis/").removeprefix("/api/")

    @property
    def group(self) -> str:
        """Return the API group; empty for the core."""
        return self.base.split("/")[2] if self.base.startswith("/apis/") else ""

    def __str__(self) -> str:
        """Return the name as RBAC's messages have it: `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


PODS = Resource("/api/v1", "pods")
EVENTS = Resource("/api/v1", "events")
NAMESPACES = Resource("/api/v1", "namespaces")
JOBS = Resource("/apis/batch/v1", "jobs")
REVIEWS = Resource("/apis/authorization.k8s.io/v1", "selfsubjectaccessreviews")
RULES = Resource("/apis/authorization.k8s.io/v1", "selfsubjectrulesreviews")
_VERSIONS = {Kind.ROLLOUT: "v1alpha1"}
RESOURCES = {
    kind: Resource(f"/apis/{kind.group}/{_VERSIONS.get(kind, 'v1')}", kind.plural) for kind in Kind
}


class Doing(NamedTuple):
    """What a request is for, as its failure names it."""

    verb: str
    resource: Resource
    namespace: str | None = None
    name: str | None = None

    def __str__(self) -> str:
        """Return `patch deployments.apps web in project1-production`."""
        name = f" {self.name}" if self.name else ""
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.resource}{name}{where}"

    def path(self, subresource: str = "", **query: str | int) -> str:
        """Return the URL's path with its query."""
        parts = [self.resource.base]
        if self.namespace is not None:
            parts += ["namespaces", quote(self.namespace, safe="")]
        parts.append(self.resource.plural)
        if self.name is not None:
            parts.append(quote(self.name, safe=""))
        if subresource:
            parts.append(subresource)
        return "/".join(parts) + (f"?{urlencode(query)}" if query else "")


def _encoded(body: object) -> bytes:
    text = json.dumps(body, ensure_ascii=False)
    return _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()


class Refused(ClusterError):
    """The server answered with an error that the caller may want to understand."""

    def __init__(self, message: str, status: int, details: object, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.details: dict[str, Any] = details if isinstance(details, dict) else {}

    @property
    def has_details(self) -> bool:
        """Tell whether the server said more than that it refuses."""
        return bool(self.details)


class Unreadable(ClusterError):
    """The server answered with a success, and with an object that none of Kubernetes is."""


class Api:
    """One server, seen through a transport. Safe to use from several threads.

    `deadline` (of time.monotonic) ends all trying; without one each request has its own limit.
    `sent` counts requests, repeated ones too.
    """

    def __init__(self, access: Access, transport: Transport, deadline: float | None = None) -> None:
        self.access = access
        self.deadline = deadline
        self.sent = 0
        self._counting = threading.Lock()
        self._transport = transport

    def open(self) -> None:
        """Begin to connect in the background; whether that works, the first request tells."""
        self._transport.open()

    def close(self) -> None:
        self._transport.close()

    def call(
        self,
        doing: Doing,
        method: str = "GET",
        *,
        path: str | None = None,
        body: object = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        retry: bool = True,
        seconds: float = REQUEST_SECONDS,
    ) -> Response:
        """Send a request and return the answer of a success, within so many seconds.

        Broken connections and answers that ask for patience are tried again, except where
        `retry` is False. Raises Denied, Refused, ClusterUnreachable, TimedOut at the deadline.
        """
        data = None if body is None else _encoded(body)
        request = HttpRequest(method, path or doing.path(), data, content_type, accept)
        until = time.monotonic() + seconds
        if self.deadline is not None:
            until = min(until, self.deadline)
        attempt = 0
        while True:
            attempt += 1
            last = attempt >= ATTEMPTS or not retry
            self._count()
            try:
                response = self._transport.send(request, timeout=self._left(until, doing))
            except Broken as broken:
                pause = _pause(attempt)
                if last or not broken.again or time.monotonic() + pause >= until:
                    raise self.unreachable(doing, broken) from broken
                time.sleep(pause)
                continue
            if response.status < 300:
                return response
            waiting = _patience(response, attempt, last=last)
            if waiting is None or time.monotonic() + waiting >= until:
                self.refuse(doing, response)
            time.sleep(waiting)

    def ask(self, doing: Doing, decoder: Decodes[T], method: str = "GET", **rest: Any) -> T:
        """Send a request and return the answer as a value. Raises what `decoded` does, too."""
        response = self.call(doing, method, **rest)
        return self.decoded(doing, response.body, decoder)

    def find(self, doing: Doing, decoder: Decodes[T], **rest: Any) -> T | None:
        """Return an object as a value; None if there is none of that name."""
        try:
            return self.ask(doing, decoder, **rest)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def tell(self, doing: Doing, method: str, **rest: Any) -> None:
        """Send a request of whose answer nothing is needed but that it is no failure."""
        answer = self.ask(doing, STATUS, method, **rest)
        if answer.is_failure:
            self._refuse_status(doing, answer)

    def decoded(self, doing: Doing, body: bytes, decoder: Decodes[T]) -> T:
        """Return what a server sent as a value of the decoder's type.

        Raises Unreadable, with the name of the object and the field where it is JSON of another
        type; Refused or Denied where it is an error that came as a success.
        """
        try:
            return decoder.decode(body)
        except ValidationError as error:
            status = _status(body)
            if status is not None and status.is_failure:
                self._refuse_status(doing, status)
            raise self.strange(doing, in_words(body, error)) from error
        except RecursionError as error:
            raise self.strange(doing, "nested too deeply") from error
        except ValueError as error:
            raise Unreadable(
                f"cannot {doing}: {self.access.server} does not answer as a Kubernetes API",
                hint="check the server of the kubeconfig's context",
            ) from error

    def strange(self, doing: Doing, why: str) -> Unreadable:
        """Return the error for an answer that is JSON, but not what Kubernetes would send."""
        server = self.access.server
        return Unreadable(f"cannot {doing}: {server} sent what cannot be read: {one_line(why)}")

    def stream(self, doing: Doing, path: str, *, timeout: float) -> LineStream:
        """Open an answer that is read line by line. Raises what `call` raises."""
        if self.deadline is not None:
            timeout = min(timeout, self._left(self.deadline, doing))
        self._count()
        try:
            stream = self._transport.stream(HttpRequest("GET", path), timeout=timeout)
        except Broken as broken:
            raise self.unreachable(doing, broken) from broken
        if stream.status != 200:
            try:
                body = b"".join(stream.lines())
            except Broken:
                body = b""
            self.refuse(doing, Response(stream.status, body))
        return stream

    def unreachable(self, doing: Doing, broken: Broken) -> ClusterUnreachable | TimedOut:
        """Return the error for a server that did not answer, or not before the deadline."""
        context = f" (context {self.access.context})" if self.access.context else ""
        message = f"cannot {doing}: {self.access.server}{context}: {one_line(str(broken))}"
        over = self.deadline is not None and time.monotonic() >= self.deadline - _MARGIN
        if broken.late and over:
            arrived = broken.sent and doing.verb == "patch"
            unsure = "; whether the server got it is not known" if arrived else ""
            return TimedOut(message + unsure, hint="--timeout allows more time")
        return ClusterUnreachable(
            message,
            hint="`kubectl cluster-info` tries the same; --context chooses another cluster",
        )

    def refuse(self, doing: Doing, response: Response) -> NoReturn:
        """Raise what an answer that is no success means."""
        status = _status(response.body)
        if status is not None and status.words:
            self._refuse(doing, response.status, status.words, status.details)
        self._refuse(doing, response.status, response.body[:200].decode("utf-8", "replace"), None)

    def _refuse_status(self, doing: Doing, status: Status) -> NoReturn:
        code = status.code if isinstance(status.code, int) and 300 <= status.code < 600 else 500
        self._refuse(doing, code, status.words, status.details)

    def _refuse(self, doing: Doing, code: int, said: str, details: object) -> NoReturn:
        message = without_long_values(one_line(said))
        where = self.access.server
        if code == 401:
            raise Denied(
                f"cannot {doing}: {where} does not accept the credentials of "
                f"{self._who()}: {message or 'Unauthorized'}",
                hint=self._withheld() or "log in again; a token may have expired",
            )
        if code == 403:
            raise Denied(
                f"not permitted to {doing} at {where}: {message}",
                hint=self._withheld() or _mending(doing, message),
            )
        if _DENIAL.search(message):  # whatever code the webhook or the policy has for it
            raise Denied(f"cannot {doing}: {where} refuses: {message}", hint=_RULE)
        hint = _UNANSWERED if "failed calling webhook" in message else None
        raise Refused(f"cannot {doing}: {where} answered {code}: {message}", code, details, hint)

    def _who(self) -> str:
        return f"context {self.access.context}" if self.access.context else "the ServiceAccount"

    def _withheld(self) -> str | None:
        """Return the hint for a request that went out without what the kubeconfig has."""
        if not self.access.withheld:
            return None
        words = ", ".join(self.access.withheld)
        return f"{words} of the kubeconfig: not sent over plain http; use the server's https URL"

    def _count(self) -> None:
        with self._counting:
            self.sent += 1

    def _left(self, until: float, doing: Doing) -> float:
        left = until - time.monotonic()
        if left <= 0:
            raise self.unreachable(doing, Broken("no answer in time", late=True))
        return left


def _status(body: bytes) -> Status | None:
    """Return the error that a server sent; None where it is anything else."""
    try:
        return STATUS.decode(body)
    except (ValueError, RecursionError):
        return None


def _mending(doing: Doing, message: str) -> str:
    # Authorizers say "User "x" cannot patch resource …"; webhooks and quotas answer 403 as well.
    if " cannot " in message:
        return f"a Role must grant `{doing.verb}` on `{doing.resource}`"
    return _RULE


def _pause(attempt: int) -> float:
    # Full jitter, so that many agents do not come back together.
    return jitter(0.05, 0.1 * 3.0**attempt)


def _patience(response: Response, attempt: int, *, last: bool) -> float | None:
    """Return how long to wait before the next try; None: the answer stands."""
    if response.status not in _WORTH_RETRYING:
        return None
    after = retry_after(response.headers.get("retry-after", ""))
    if after is not None:
        # The server asks for patience and may have it until the deadline; `0` asks for no storm.
        return max(after, _pause(attempt))
    return None if last else _pause(attempt)
