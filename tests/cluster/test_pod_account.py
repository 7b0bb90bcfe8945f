"""A pod's own account, where there is no kubeconfig."""

from __future__ import annotations

from pathlib import Path

import pytest
from kubernetes import client
from kubernetes.config.incluster_config import InClusterConfigLoader

from gitops_cli.cluster.kubeconfig import PemSource, find_access, in_cluster
from gitops_cli.domain.errors import ConfigurationError
from tests.cluster.test_kubeconfig import CA, as_we_do, kubeconfig, read_by_theirs

POD = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}


def test_a_pods_own_account(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("mine")
    access = in_cluster(POD, tmp_path)
    assert access.server == "https://10.96.0.1:443"
    assert access.context is None
    assert access.token_file == tmp_path / "token"
    assert access.ca == PemSource(path=tmp_path / "ca.crt")
    six = in_cluster(POD | {"KUBERNETES_SERVICE_HOST": "fd00::1"}, tmp_path)
    assert six.server == "https://[fd00::1]:443"


@pytest.mark.parametrize("host", ["10.96.0.1", "fd00::1", "kubernetes.default.svc"])
def test_a_pods_own_account_is_the_same_to_the_kubernetes_package(
    host: str, tmp_path: Path
) -> None:
    variables = POD | {"KUBERNETES_SERVICE_HOST": host}
    (tmp_path / "token").write_text("mine")
    (tmp_path / "ca.crt").write_bytes(CA)
    settings = client.Configuration()
    loader = InClusterConfigLoader(
        token_filename=str(tmp_path / "token"),
        cert_filename=str(tmp_path / "ca.crt"),
        environ=variables,
    )
    loader.load_and_set(settings)
    assert as_we_do(in_cluster(variables, tmp_path)) == read_by_theirs(settings)


def test_a_pod_without_an_account_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="in a pod without"):
        find_access(environment=POD | {"HOME": str(tmp_path)})


def test_a_kubeconfig_in_a_pod_is_preferred(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path / "config", user={"token": "t"})
    assert find_access(environment=POD | {"KUBECONFIG": str(file)}).token == "t"
