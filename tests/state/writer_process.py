"""One writer in a process of its own: `python -m tests.state.writer_process WHERE SERVICE VALUE`.

WHERE is a clone, or a URL after `url:`. Prints what came of it as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from gitops_cli.domain.change.proposal import Edit, Proposal
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.names import ServiceName
from gitops_cli.domain.recorded.environment import Snapshot
from tests.state.world import DEV, PROD, opened, opened_url, path_of


def main(where: str, service: str, value: str) -> int:
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
        json.dump({"error": error.code, "message": error.message}, sys.stdout)
        return error.exit_code
    json.dump(
        {
            "commit": written.commit,
            "changed": written.changed,
            "attempts": written.attempts,
            "notes": written.notes,
        },
        sys.stdout,
    )
    return 0


def _file(value: object) -> bytes | None:
    return None if value is None else f"{value}\n".encode()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
