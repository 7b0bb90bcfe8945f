"""What containers have logged, for machines and for reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gitops_cli.domain.cluster.advice import Where
from gitops_cli.domain.cluster.inside import Spot
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.render.view import Records, Style, View, verbatim

_CONTAINERS = Records(
    "containers", "environment service pod container previous command", "{pod}/{container}"
)


def logs_view(
    environment: EnvironmentName,
    service: ServiceName,
    where: Where,
    spots: Sequence[Spot],
    commands: Mapping[str, str],
    lines: Mapping[str, Sequence[str]],
) -> View:
    """Return the logs of containers; `commands` by pod, `lines` by their place."""
    document = {
        "environment": environment,
        "service": service,
        "context": where.context,
        "containers": [
            {
                "pod": spot.pod,
                "container": spot.container,
                "why": spot.why,
                "previous": spot.previous,
                "command": commands[spot.pod],
                "lines": list(lines.get(spot.place, ())),
            }
            for spot in spots
        ],
    }
    blocks = []
    for spot in spots:
        blocks += [
            verbatim(commands[spot.pod], Style.STRONG),
            *map(verbatim, lines.get(spot.place, ())),
        ]
    return View("logs", document, blocks, records=_CONTAINERS)
