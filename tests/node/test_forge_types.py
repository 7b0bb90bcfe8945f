"""What we ask Bitbucket and Azure DevOps, and what our stand-ins say, by types of their APIs.

Their descriptions are in no package, but types are: made from those that Atlassian publishes, and
Microsoft's own. So each exchange becomes a line of TypeScript, and its compiler judges it. What is
required is not asked for, as a stand-in leaves fields out.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from gitops_cli.forge.azure import Azure, AzurePlace
from gitops_cli.forge.bitbucket import Bitbucket
from gitops_cli.forge.data_center import DataCenter, DataCenterPlace
from tests.forge.azure import AzureFake
from tests.forge.bitbucket import BitbucketFake
from tests.forge.conversation import Exchange, conversation
from tests.forge.data_center import DataCenterFake
from tests.forge.fakes import PROJECT
from tests.testbed import npm

pytestmark = [pytest.mark.node, pytest.mark.programs]
BITBUCKET = "@coderabbitai/bitbucket@1.1.4"
AZURE = "azure-devops-node-api@17.0.1"
TYPESCRIPT = "typescript@5.9.3"
PRELUDE = """\
type Part<T> = T extends string ? T : T extends readonly (infer U)[] ? readonly Part<U>[]
  : T extends object ? { [K in keyof T]?: K extends "type" ? string : Part<T[K]> } : T;
type Json<C> = C extends { content: { "application/json": infer J } } ? Part<J> : never;
type Body<O> = O extends { requestBody?: infer R } ? Json<NonNullable<R>> : never;
type Answer<O, S> = O extends { responses: infer R } ? S extends keyof R ? Json<R[S]> : never
  : never;
type Query<O> = O extends { parameters: { query?: infer Q } }
  ? Partial<Record<([NonNullable<Q>] extends [never] ? never : keyof NonNullable<Q>) | Any, string>>
  : never;
"""


def compiled(directory: Path, lines: Sequence[str]) -> str:
    """Return what TypeScript's compiler has against the lines."""
    file = directory / "exchanges.ts"
    file.write_text("\n".join(lines))
    tsc = npm.package(TYPESCRIPT) / "lib" / "tsc.js"
    options = ("--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext")
    done = subprocess.run(
        [npm.node(), tsc, *options, "--target", "es2022", file],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (done.returncode == 0) == (not done.stdout), done.stderr
    return done.stdout


def described(
    module: Path, below: str, exchanges: Sequence[Exchange], anywhere: str
) -> Iterator[str]:
    """Yield a line for each query, document and answer, by the paths of a description.

    `anywhere`: the names that each query may have.
    """
    paths = re.findall(r'^    readonly "(/[^"]+)": \{$', module.read_text(), re.MULTILINE)
    paths.sort(key=lambda path: path.count("{"))
    yield PRELUDE
    yield f"type Any = {anywhere};"
    yield f'import type {{ paths }} from "{module.with_suffix("").with_suffix("")}.js";'
    for number, (asked, said) in enumerate(exchanges):
        path, query = urlsplit(asked.path)[2:4]
        path = path.removeprefix(below)
        known = next(p for p in paths if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", p), path))
        operation = f"paths[{json.dumps(known)}][{json.dumps(asked.method.lower())}]"
        if query:
            words = json.dumps(dict(parse_qsl(query)))
            yield f"export const q{number}: Query<{operation}> = {words};"
        if asked.body:
            yield f"export const b{number}: Body<{operation}> = {asked.body.decode()};"
        if said.body and not known.endswith("/activities"):  # what it says of comments is in words
            answer = f"Answer<{operation}, {said.status}>"
            yield f"export const a{number}: {answer} = {_known(said.body)};"


def _known(answer: bytes) -> str:
    """Return an answer without the author of a request, which the Data Center's says in fact."""
    without = re.sub(rb'"author": \{"user": \{"name": "ada"\}, "role": "AUTHOR"\}, ', b"", answer)
    return without.decode()


@pytest.mark.parametrize(
    ("fake", "below", "prefix", "connected", "folder", "anywhere"),
    [
        (
            *(BitbucketFake, "/2.0", "/2.0", lambda api: Bitbucket(api, PROJECT), "cloud"),
            '"q" | "page" | "pagelen"',  # of filtering and pages, which are told of once
        ),
        (
            DataCenterFake,
            "/rest/api/latest",
            "/rest",
            lambda api: DataCenter(api, DataCenterPlace("ACME", "state")),
            "server",
            "never",
        ),
    ],
    ids=["cloud", "data center"],
)
def test_all_that_is_asked_of_bitbucket_is_of_its_types(
    fake: Callable,
    below: str,
    prefix: str,
    connected: Callable,
    folder: str,
    anywhere: str,
    tmp_path: Path,
) -> None:
    module = npm.package(BITBUCKET) / "dist" / folder / "openapi" / "openapi-typescript.d.ts"
    lines = list(described(module, prefix, conversation(fake(), below, connected), anywhere))

    assert len(lines) > 20
    assert compiled(tmp_path, lines) == ""


def test_what_is_of_no_type_is_found(tmp_path: Path) -> None:
    module = npm.package(BITBUCKET) / "dist" / "server" / "openapi" / "openapi-typescript.d.ts"
    place = DataCenterPlace("ACME", "state")
    exchanges = conversation(
        DataCenterFake(), "/rest/api/latest", lambda api: DataCenter(api, place)
    )
    lines = list(described(module, "/rest", exchanges, "never"))
    for right, wrong in (
        ('"title": "first"', '"tittle": "first"'),
        ('"title": "first"', '"title": 1'),
        ('"state": "OPEN", "open"', '"state": "AJAR", "open"'),
        ('"start": "0"', '"begin": "0"'),
    ):
        found = next(line for line in lines if right in line)
        bad = [line.replace(right, wrong) if line == found else line for line in lines]
        assert "error TS" in compiled(tmp_path, bad), wrong


DOCUMENTS = {  # of GitInterfaces: path, what is sent, what comes back
    r"/pullrequests": ("GitPullRequest", "GitPullRequest"),
    r"/pullrequests/\d+": ("GitPullRequest", "GitPullRequest"),
    r"/pullrequests/\d+/labels": ("WebApiCreateTagRequestData", "WebApiTagDefinition"),
    r"/pullrequests/\d+/reviewers/[^/]+": ("IdentityRefWithVote", "IdentityRefWithVote"),
    r"/pullrequests/\d+/threads": ("GitPullRequestCommentThread", "GitPullRequestCommentThread"),
    r"/pullrequests/\d+/threads/\d+/comments/\d+": ("Comment", "Comment"),
    r"/teams": ("never", "WebApiTeam"),
    r"/teams/[^/]+/members": ("never", "TeamMember"),
}
OF_CORE = {"WebApiCreateTagRequestData", "WebApiTagDefinition", "WebApiTeam"}
# Its numbers of enumerations are words over HTTP.
LOOSE = """\
type Loose<T> = T extends Date ? string : T extends boolean ? boolean
  : T extends number ? number | string : T extends string ? string
  : T extends (infer U)[] ? Loose<U>[]
  : T extends object ? { [K in keyof T]?: Loose<T[K]> | null } : T;
type Listed<T> = { value: Loose<T>[]; count?: number };
"""


def test_all_that_is_asked_of_azure_devops_is_of_its_types(tmp_path: Path) -> None:
    folder = npm.package(AZURE) / "interfaces"
    place = AzurePlace("acme", "shop", "state")
    exchanges = conversation(AzureFake(), "", lambda api: Azure(api, place, "http://page"))
    lines = [LOOSE]
    for name, module in (
        ("git", "GitInterfaces"),
        ("core", "CoreInterfaces"),
        ("vss", "common/VSSInterfaces"),
    ):
        lines.append(f'import {name} = require("{folder / module}.js");')
    for number, (asked, said) in enumerate(exchanges):
        path = urlsplit(asked.path).path
        kinds = next(k for p, k in DOCUMENTS.items() if re.search(rf"{p}$", path))
        sent, back = (_qualified(kind) for kind in kinds)
        if asked.body:
            lines.append(f"export const b{number}: Loose<{sent}> = {asked.body.decode()};")
        answer = json.loads(said.body)
        kind = f"Listed<{back}>" if "value" in answer else f"Loose<{back}>"
        lines.append(f"export const a{number}: {kind} = {said.body.decode()};")

    assert compiled(tmp_path, lines) == ""


def _qualified(kind: str) -> str:
    if kind == "TeamMember":
        return "vss.TeamMember"
    return kind if kind == "never" else f"{'core' if kind in OF_CORE else 'git'}.{kind}"
