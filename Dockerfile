# The agent's image, small and without root: docker build -t REGISTRY/gitops-cli:VERSION .
# For the same image again, pin the base by digest: --build-arg BASE=…@sha256:…
ARG BASE=docker.io/library/python:3.13-slim-bookworm

FROM ${BASE} AS build
ARG PIP_INDEX_URL
COPY pyproject.toml constraints.txt agent-requirements.txt README.md LICENSE /src/
COPY docs/man /src/docs/man
COPY gitops_cli /src/gitops_cli
# Without dependencies of their own choice: a pod needs neither the `kubernetes` package, which is
# for people's kubeconfigs and ten times as large as all else, nor questions on a terminal.
# Compiled once here: the file system is read-only later, and start-up would be three times slower.
RUN python3 -m venv --without-pip /opt/gitops \
 && python3 -m venv /opt/pip \
 && /opt/pip/bin/pip --python /opt/gitops/bin/python install --no-cache-dir --no-deps --compile \
      -c /src/constraints.txt -r /src/agent-requirements.txt /src \
 && /opt/gitops/bin/python -m gitops_cli --version

FROM ${BASE}
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends git openssh-client gpg \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log \
 && useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin gitops
COPY --from=build /opt/gitops /opt/gitops
ENV PATH=/opt/gitops/bin:$PATH PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
ENTRYPOINT ["gitops"]
