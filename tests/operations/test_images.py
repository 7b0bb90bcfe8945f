"""Waiting for an image, where the registry asks for patience; the rest is in tests/cli."""

from __future__ import annotations

import time
from pathlib import Path

from gitops_cli.domain.image import parse_image
from gitops_cli.operations.images import wait_for
from gitops_cli.registry.client import Registries
from tests.registry.scripted import Reply, image_with, scripted

DIGEST = "sha256:" + "0f" * 32


def test_a_rate_limit_longer_than_one_question_is_kept_to(tmp_path: Path) -> None:
    replies = [
        Reply(404),
        Reply(429, {"Retry-After": "3"}),
        image_with(DIGEST),
    ]
    asked: list[float] = []
    with scripted(lambda _: (asked.append(time.monotonic()), replies.pop(0))[1]) as server:
        registries = Registries({}, {"HOME": str(tmp_path)}, timeout=0.5)

        digest = wait_for(registries, parse_image(f"{server.address}/team/web:1"), 20)
        registries.close()

    assert digest == DIGEST
    assert asked[2] - asked[1] >= 3
