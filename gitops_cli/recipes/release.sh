#!/bin/sh
# A service's pipeline in plain shell: build HEAD, push its image, record its hash.
# Run it in a full clone of the service (gitops compares commits, so that an older build never
# replaces a newer one). A service's first version is recorded on purpose, by hand: `gitops release
# -e development --new`; [versions] new_services = "allow" in gitops.toml lets pipelines do it.
# Needs git, ssh, docker and gitops, and in the environment
#   REGISTRY_USER, REGISTRY_PASSWORD
#   STATE_DEPLOY_KEY    an ssh key that may push the state repository
#   STATE_KNOWN_HOSTS   the lines of known_hosts for its server
set -eu

export GITOPS_REPO="${GITOPS_REPO:-git@example.com:acme/environments-state.git}"
registry=${REGISTRY:-registry.example.com}

private=$(mktemp -d)  # key and login are this run's own, and end with it
trap 'rm -rf "$private"' EXIT
(umask 077 && printf '%s\n' "$STATE_DEPLOY_KEY" >"$private/key")
printf '%s\n' "$STATE_KNOWN_HOSTS" >"$private/known_hosts"
export GIT_SSH_COMMAND="ssh -i '$private/key' -o IdentitiesOnly=yes -o UserKnownHostsFile='$private/known_hosts'"
export DOCKER_CONFIG="$private"

printf '%s' "$REGISTRY_PASSWORD" |
  docker login "$registry" --username "$REGISTRY_USER" --password-stdin

gitops release --env development --pin
