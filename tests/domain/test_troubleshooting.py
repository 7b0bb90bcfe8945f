"""The page of messages has those that the code says, with their exit codes."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from gitops_cli.domain import errors
from gitops_cli.domain.errors import ExitCode

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", PAGE, re.MULTILINE)


Said = tuple[str, int | None]


@cache
def said() -> set[Said]:
    """Return all texts of the package, `…` for what is put in, with the exit code of errors."""
    found: set[Said] = set()
    for path in (ROOT / "gitops_cli").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr | ast.Constant):
                found.add((_text(node), None))
            if isinstance(node, ast.Call) and (code := _exit_code(node)) is not None:
                texts = [arg for arg in node.args if isinstance(arg, ast.JoinedStr | ast.Constant)]
                found.update((_text(text), code) for text in texts)
    return found


def _text(node: ast.JoinedStr | ast.Constant) -> str:
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    words = [str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts]
    return " ".join("".join(words).split())


def _exit_code(call: ast.Call) -> int | None:
    """Return the exit code of the error that a call makes, if it makes one."""
    kind = getattr(errors, getattr(call.func, "id", ""), None)
    if isinstance(kind, type) and issubclass(kind, errors.GitOpsError):
        return int(kind.exit_code)
    return None


@pytest.mark.parametrize(("message", "codes"), ROWS)
def test_the_code_says_it_and_ends_so(message: str, codes: str) -> None:
    parts = [part.strip() for part in message.split("…")]
    pattern, longest = re.compile(".*".join(map(re.escape, parts))), max(parts, key=len)
    found = [code for text, code in said() if longest in text and pattern.search(text)]
    assert found, "the message is another one now"
    ends = {str(code) for code in found if code is not None}
    assert not ends or ends & set(codes.split(", ")), "its exit code is another one"


@pytest.mark.parametrize("codes", sorted({codes for _, codes in ROWS}))
def test_its_exit_codes_exist(codes: str) -> None:
    known = {str(int(code)) for code in ExitCode} | {"–"}
    assert set(codes.split(", ")) <= known


def test_the_page_has_the_twenty_most_likely() -> None:
    assert len(ROWS) >= 20
