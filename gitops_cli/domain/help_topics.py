"""The texts of `gitops help TOPIC`."""

from __future__ import annotations

from collections.abc import Mapping

EXIT_CODES_NOTE = (
    "Over several environments the first that occurred in the order 70, 74, 130, 2, 4, 5, 3, 7, 8, "
    "6, 1 is the exit code."
)

VARIABLES: Mapping[str, str] = {
    "GITOPS_REPO": "the state repository, as -R/--repo: a URL or a path",
    "GITOPS_ENV": "the environment or stage, as -e/--env",
    "GITOPS_PROJECT": "the project, as -p/--project",
    "GITOPS_OUTPUT": "the format of results, as -o/--output",
    "GITOPS_CONTEXT": "the kubeconfig's context, as --context",
    "GITOPS_TIMEOUT": "how long to try or wait, as --timeout: 90s, 5m, 1h30m",
    "GITOPS_REPORT": "a file for what came of a write, as --report-file",
    "GITOPS_OFFLINE": "use the last known state, as --offline: 1, true, yes or on",
    "GITOPS_BRANCH": "the branch that CI builds, where the CI system does not say it",
    "GITOPS_NOTIFY_NAME": "the address that [notify.NAME] of gitops.toml is sent to; "
    "GITOPS_NOTIFY_NAME_SECRET signs what a webhook gets",
    "NO_COLOR": "any value: no colour",
    "FORCE_COLOR": "any value: colour, though the output is no terminal",
    "CI": "any value: nothing is ever asked; the author defaults to the CI system's actor",
    "GITHUB_OUTPUT": "and GITHUB_STEP_SUMMARY, AGENT_TEMPDIRECTORY, TEAMCITY_VERSION: the CI "
    "system is told what came of set, release, promote, rollback, remove, sync and diff",
    "KUBECONFIG": "kubeconfig files, as kubectl reads it",
    "DOCKER_CONFIG": "where registry credentials are, as docker reads it",
    "XDG_CONFIG_HOME": "your config is in gitops/config.toml below it (default ~/.config)",
    "XDG_STATE_HOME": "what `gitops trust` let through is in gitops-cli/trust/ below it "
    "(default ~/.local/state)",
    "XDG_CACHE_HOME": "mirrors of repositories are in gitops-cli/ below it (default ~/.cache)",
    "GIT_SSH_COMMAND": "and git's other variables for connections, identity and tracing: as git",
}

FORMATS: Mapping[str, str] = {
    "table": "for people: aligned columns; colour and wrapping on a terminal only",
    "wide": "the same with more columns",
    "json": "for programs: one versioned document, schemas in docs/schema/",
    "yaml": "the same document as YAML",
    "jsonl": "the same document on one line; watch, wait, sync and --wait write one per event",
    "csv": "a row for each thing, with full hashes and times (RFC 4180); no cell is a formula",
    "name": "the name of each thing, one a line, for loops of a shell",
    "markdown": "for pull requests and job summaries",
    "html": "a page of its own, to be kept or published; nothing in it is loaded from elsewhere",
}

FORMATS_NOTE = (
    "The result is on stdout, everything else on stderr. JSON never shortens a hash; times are "
    "ISO 8601 with their zone. With json or yaml an error is a document on stderr: kind `error`, "
    "with code, message, hint and exit_code. Keys may be added, none will be renamed or removed "
    "in gitops-cli/v1. --query takes a JMESPath expression (https://jmespath.org) and writes what "
    "it names of the document: a text as it is, a list of texts one a line, else JSON; with -o "
    "json, jsonl or yaml always that."
)
