"""Writers in processes of their own, all at once: `python -m tests.state.writer_process`.

Reads `[where, service, value]` of each from stdin as JSON; `where` is a clone, or a URL after
`url:`. Prints what came of each as a list of JSON. All are forks of one interpreter: what is tried
is their writing, not the start of so many.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from gitops_cli.domain.change.proposal import Edit, Proposal
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.names import ServiceName
from gitops_cli.domain.recorded.environment import Snapshot
from tests.state.world import DEV, PROD, opened, opened_url, path_of


def main() -> None:
    """Run all writers to their end."""
    writers = [_start(*job) for job in json.load(sys.stdin)]
    json.dump([_result(*writer) for writer in writers], sys.stdout)


def _start(where: str, service: str, value: str) -> tuple[int, int]:
    """Start one writer; return its process, and where it will tell what came of it."""
    reading, writing = os.pipe()
    if writer := os.fork():
        os.close(writing)
        return writer, reading
    code = 1
    try:
        with open(writing, "w") as told:  # noqa: PTH123 (a descriptor)
            json.dump(write(where, service, value), told)
        code = 0
    finally:
        os._exit(code)


def _result(writer: int, told: int) -> dict[str, Any]:
    with open(told) as file:
        text = file.read()
    _, status = os.waitpid(writer, 0)
    assert status == 0, f"a writer died: {status}"
    result: dict[str, Any] = json.loads(text)
    return result


def write(where: str, service: str, value: str) -> dict[str, Any]:
    """Set the own service in development and promote the shared one, in one commit."""
    url = where.removeprefix("url:")
    repository = opened_url(url) if where != url else opened(Path(where))

    def propose(snapshot: Snapshot) -> Proposal:
        versions = snapshot.environment(DEV).versions
        seen = versions.get(ServiceName(service))
        own = Edit(path_of(service), _file(seen), _file(value))
        promoted = snapshot.environment(PROD).versions[ServiceName("auth")]
        shared = Edit(path_of("auth", PROD), _file(promoted), _file(versions[ServiceName("auth")]))
        return Proposal((own, shared), f"{DEV}: {service} → {value}")

    try:
        written = repository.write(propose, timeout=380)
    except GitOpsError as error:
        return {"error": error.code, "message": error.message}
    return {"commit": written.commit, "changed": written.changed, "notes": written.notes}


def _file(value: object) -> bytes | None:
    return None if value is None else f"{value}\n".encode()


if __name__ == "__main__":
    main()
