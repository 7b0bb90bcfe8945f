"""Follow what happens in some namespaces: watches that resume, or polling without the right."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from gitops_cli.cluster import schema
from gitops_cli.cluster.api import Api, Refused
from gitops_cli.cluster.reading import Listed, Listing, assembled, fetch, listings, read_one
from gitops_cli.domain.cluster.workload import Observed, Target
from gitops_cli.domain.errors import ClusterError, Denied, GitOpsError, TimedOut
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.text import one_line
from gitops_cli.web.exchange import Broken, LineStream
from gitops_cli.web.patience import jitter

POLL_SECONDS = 1.0
WATCH_SECONDS = 40  # the server ends a watch after that; it is resumed
SILENCE_SECONDS = WATCH_SECONDS + 10.0  # then the connection is taken for dead
_ENDING = 1.0  # seconds that threads have for noticing that their streams are closed
STEADY_SECONDS = 5.0  # a watch that lasted so long works
_PAUSE = 2.0  # seconds at most between watches that end at once, as behind some proxies
MOST_WATCHES = 32  # beyond, polling costs the server less than so many connections


class Gone(Exception):
    """The server no longer knows the version from which a watch should go on."""


class _Pace:
    """The pauses between watches: they grow while each ends at once, whatever ends it."""

    def __init__(self) -> None:
        self._short = 0
        self._began = 0.0

    @property
    def is_in_vain(self) -> bool:
        """Tell whether the last watch ended at once."""
        return self._short > 0

    def begin(self) -> None:
        """Note that a watch begins now."""
        self._began = time.monotonic()

    def pause(self) -> float:
        """Return how many seconds to wait after a watch has ended."""
        lasted = time.monotonic() - self._began >= STEADY_SECONDS
        self._short = 0 if lasted else self._short + 1
        most = min(0.1 * 2.0 ** min(self._short, 10), _PAUSE)
        return jitter(most / 2, most)  # not all at once


def _after(failures: int) -> float:
    """Return how many seconds to wait after so many failures; a night without a server is many."""
    return jitter(0.1, min(0.2 * 2.0 ** min(failures, 10), 5))


class Follower:
    """Keeps what some namespaces hold up to date in the background. Use as a context manager."""

    def __init__(self, api: Api, targets: Sequence[Target]) -> None:
        self._api = api
        self._listings = [listing for target in targets for listing in listings(target)]
        self._known: dict[Listing, Listed | GitOpsError] = {}
        self._broken: dict[Listing, GitOpsError] = {}
        self._assembled: dict[EnvironmentName, Observed] = {}
        self._changed = threading.Condition()
        self._version = self._seen = 0
        self._bug: BaseException | None = None
        self._stopped = threading.Event()
        self._streams: dict[Listing, LineStream] = {}
        self._watches = len(self._listings) <= MOST_WATCHES
        self._threads = [
            threading.Thread(target=self._follow, args=(listing,), daemon=True)
            for listing in self._listings
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        with self._changed:
            streams = list(self._streams.values())
        for stream in streams:
            stream.close()
        # A thread in the middle of OpenSSL crashes an ending interpreter.
        deadline = time.monotonic() + _ENDING
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def wait(self, timeout: float) -> bool:
        """Return as soon as something changed since the last call; False when nothing did."""
        with self._changed:
            self._changed.wait_for(lambda: self._version > self._seen or self._bug, timeout)
            if self._bug is not None:
                raise self._bug
            changed, self._seen = self._version > self._seen, self._version
            return changed

    def observed(self, namespace: EnvironmentName) -> Observed | None:
        """Return what the namespace holds; None until all of it was read once.

        Until something changes there it is the same object.
        """
        with self._changed:
            mine = [listing for listing in self._listings if listing.namespace == namespace]
            if not all(listing in self._known for listing in mine):
                return None
            if namespace not in self._assembled:
                found = [(listing, self._known[listing]) for listing in mine]
                self._assembled[namespace] = assembled(namespace, found)
            return self._assembled[namespace]

    @property
    def error(self) -> GitOpsError | None:
        """Return why something is out of date just now; None when nothing is."""
        with self._changed:
            return next(iter(self._broken.values()), None)

    def _follow(self, listing: Listing) -> None:
        try:
            self._follow_on(listing)
        except BaseException as bug:  # noqa: BLE001 - raised again where it is waited
            with self._changed:
                self._bug = bug
                self._changed.notify_all()

    def _follow_on(self, listing: Listing) -> None:
        failures = 0
        pace = _Pace()
        while not self._stopped.is_set():
            try:
                listed = fetch(self._api, listing)
                self._publish(listing, listed)
                failures = 0
                self._keep(listing, listed, pace)
            except Gone:
                self._stopped.wait(pace.pause())
            except Denied as denied:
                self._publish(listing, denied)
                if listing.kind is None:
                    return  # pods explain, but are not needed
                self._stopped.wait(POLL_SECONDS * 5)
            except GitOpsError as error:
                failures += 1
                self._fail(listing, error)
                self._stopped.wait(_after(failures))

    def _keep(self, listing: Listing, listed: Listed, pace: _Pace) -> None:
        """Stay up to date from a LIST on, until it has to be made again.

        That is also where a watch ended at once without a word: it may never say any.
        """
        version = listed.version
        values = dict(listed.values)
        while listed.whole and self._watches and not self._stopped.is_set():
            before = version
            pace.begin()
            try:
                version = self._watch(listing, values, version)
            except Denied:
                self._watches = False  # no right to watch: poll
                break
            except Broken:
                pass  # resume from the last version: what was missed comes first
            except Refused as refused:
                if refused.status == 410:
                    raise Gone from refused
                raise
            self._stopped.wait(pace.pause())
            if version == before and pace.is_in_vain:
                return
        self._stopped.wait(POLL_SECONDS)

    def _watch(self, listing: Listing, values: dict[str, Any], version: str) -> str:
        """Apply events until the server ends the watch; return the version to go on from."""
        path = listing.doing.path(
            watch="1",
            resourceVersion=version,
            allowWatchBookmarks="true",
            timeoutSeconds=WATCH_SECONDS,
        )
        stream = self._api.stream(listing.watching, path, timeout=SILENCE_SECONDS)
        with self._changed:
            self._streams[listing] = stream
            if self._stopped.is_set():  # too late for __exit__ to close it
                stream.close()
        try:
            for line in stream.lines():
                version = self._apply(listing, values, _event(line))
        except Broken:
            if self._stopped.is_set():
                return version
            raise
        return version

    def _apply(self, listing: Listing, values: dict[str, Any], event: schema.WatchEvent) -> str:
        doing, body = listing.watching, bytes(event.object)
        if event.type == "ERROR":
            status = self._api.decoded(doing, body, schema.STATUS)
            if status.code in (410, 504):
                raise Gone
            raise ClusterError(f"cannot {doing}: {one_line(status.words)}")
        version = self._api.decoded(doing, body, schema.VERSIONED).metadata.resource_version
        if event.type != "BOOKMARK":
            item = self._api.decoded(doing, body, listing.item_decoder)
            if event.type == "DELETED":
                values.pop(item.metadata.name, None)
            else:
                name, value = read_one(self._api, doing, item, listing.read)
                values[name] = value
            self._publish(listing, Listed(dict(values), version))
        return version

    def _publish(self, listing: Listing, result: Listed | GitOpsError) -> None:
        with self._changed:
            before = self._known.get(listing)
            self._broken.pop(listing, None)
            self._known[listing] = result
            if not _same(before, result):
                self._tell(listing)

    def _fail(self, listing: Listing, error: GitOpsError) -> None:
        with self._changed:
            if isinstance(error, TimedOut) and listing in self._broken:
                return  # that the time is over says less than what was wrong before
            self._broken[listing] = error
            if listing not in self._known:
                self._known[listing] = error
                self._tell(listing)

    def _tell(self, listing: Listing) -> None:
        self._assembled.pop(listing.namespace, None)
        self._version += 1
        self._changed.notify_all()


def _same(before: Listed | GitOpsError | None, now: Listed | GitOpsError) -> bool:
    return isinstance(before, Listed) and isinstance(now, Listed) and before.values == now.values


def _event(line: bytes) -> schema.WatchEvent:
    try:
        return schema.WATCH_EVENT.decode(line)
    except (ValueError, RecursionError) as error:
        raise Broken("an event broke off", sent=True) from error
