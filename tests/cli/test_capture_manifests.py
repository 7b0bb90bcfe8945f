"""`gitops capture --manifests`: which objects of a namespace, and what of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cli.live import IMAGES, OLD, Live
from tests.cli.manifested import objects_of, states
from tests.testbed.git import git
from tests.testbed.kube import ApiError
from tests.testbed.patience import eventually


@pytest.fixture
def foreign(live: Live) -> Live:
    """Return a namespace that the repository knows nothing of."""
    live.record({"images_path": None}, environment=live.namespace)
    live.record({"images_path": IMAGES}, environment="other-production")
    return live


def content(live: Live, name: str) -> str:
    return git(live.remote, "show", f"main:{live.namespace}/{name}")


ALL_KINDS = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  strategy: {rollingUpdate: {maxSurge: 1}}
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: runner
      securityContext: {runAsNonRoot: true}
      initContainers:
      - {name: first, image: registry.example.com/shop/first, command: ["true"]}
      containers:
      - name: web
        image: registry.example.com/shop/web:OLD
        imagePullPolicy: Always
        ports: [{containerPort: 80}, {containerPort: 53, protocol: UDP}]
        env:
        - {name: A, value: "1"}
        - {name: IP, valueFrom: {fieldRef: {apiVersion: v1, fieldPath: status.podIP}}}
        readinessProbe: {httpGet: {port: 80}, periodSeconds: 3}
        livenessProbe: {tcpSocket: {port: 80}}
        volumeMounts: [{name: settings, mountPath: /etc/web}, {name: scratch, mountPath: /tmp}]
      volumes:
      - {name: settings, configMap: {name: settings}}
      - {name: scratch, emptyDir: {}}
      - name: token
        projected: {sources: [{serviceAccountToken: {path: t, expirationSeconds: 3600}}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 1
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: "registry.example.com/shop/db:OLD"}]}
  volumeClaimTemplates:
  - apiVersion: v1
    kind: PersistentVolumeClaim
    metadata: {name: data}
    spec:
      {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}, volumeMode: Filesystem}
    status: {phase: Pending}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: probe}
spec:
  selector: {matchLabels: {app: probe}}
  template:
    metadata: {labels: {app: probe}}
    spec: {containers: [{name: probe, image: "registry.example.com/shop/probe:OLD"}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: report}
spec:
  schedule: 0 0 1 1 *
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: OnFailure
          containers: [{name: report, image: "registry.example.com/shop/report:OLD"}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80}, {name: dns, port: 53, targetPort: 5353, protocol: UDP}]
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {selector: {app: db}, clusterIP: None, ports: [{port: 5432}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: runner}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: files}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {level: info}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reads}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reads}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reads}
subjects: [{kind: ServiceAccount, name: runner, namespace: NAMESPACE}]
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  maxReplicas: 3
  metrics:
  - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress]
  ingress: [{ports: [{port: 80, protocol: TCP}], from: [{podSelector: {}}]}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  defaultBackend: {service: {name: web, port: {number: 80}}}
  rules: [{host: web.example.com}]
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: most}
spec: {hard: {pods: "50"}}
---
apiVersion: v1
kind: LimitRange
metadata: {name: usual}
spec: {limits: [{type: PersistentVolumeClaim, max: {storage: 5Gi}}]}
"""


def test_what_somebody_wrote_is_what_is_captured_of_every_kind(foreign: Live) -> None:
    """Nothing that the API server, its controllers or the cluster filled in is in the files.

    But in lists that server-side apply takes as a whole, where leaving it out is a conflict.
    """
    text = ALL_KINDS.replace("OLD", OLD).replace("NAMESPACE", foreign.namespace)
    wrote = {f"{o['kind'].lower()}-{o['metadata']['name']}": o for o in yaml.safe_load_all(text)}
    for one in wrote.values():
        foreign.kube.create(one, foreign.namespace)
    for kind, name in (("Deployment", "web"), ("StatefulSet", "db")):
        foreign.kube.wait_rolled_out(kind, foreign.namespace, name)
    claims = foreign.kube.find("PersistentVolumeClaim", foreign.namespace)
    assert "data-db-0" in [claim["metadata"]["name"] for claim in claims]

    foreign.gitops("capture", foreign.namespace, "--manifests").ok()

    below = f"{foreign.namespace}/manifests/"
    listing = git(foreign.remote, "ls-tree", "--name-only", "main", below).splitlines()
    assert sorted(Path(name).stem for name in listing) == sorted(wrote), "no claim of the set's"
    for name, one in wrote.items():
        captured = yaml.safe_load(content(foreign, f"manifests/{name}.yaml"))
        assert yaml.safe_dump(captured).splitlines() == yaml.safe_dump(one).splitlines()
    objects = objects_of(foreign.sync("-o", "json").ok())
    assert {one["action"] for one in objects.values()} == {"adopted"}
    foreign.diff().ok()


BESIDE = """\
apiVersion: v1
kind: Service
metadata: {name: old-db}
spec: {ports: [{port: 5432}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: old-db}
subsets: [{addresses: [{ip: 192.0.2.1}], ports: [{port: 5432}]}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: old-db-2, labels: {kubernetes.io/service-name: old-db}}
addressType: IPv4
endpoints: [{addresses: [192.0.2.2]}]
ports: [{port: 5432}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: web}
subsets: [{addresses: [{ip: 192.0.2.3}], ports: [{port: 80}]}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: leader, annotations: {control-plane.alpha.kubernetes.io/leader: "{}"}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: odd}
data: {number: "08", flag: "y", lines: "a\\n  b: 'c'\\n", spaces: "\\N\\L\\r \\x7f"}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}
"""


def test_what_a_namespace_has_of_itself_is_captured_and_what_it_was_given_is_not(
    foreign: Live,
) -> None:
    foreign.run("Deployment", "web", OLD)
    for one in yaml.safe_load_all(BESIDE):
        foreign.kube.create(one, foreign.namespace)
    pulls = {"imagePullSecrets": [{"name": "registry"}]}
    foreign.kube.request(
        "PATCH",
        f"/api/v1/namespaces/{foreign.namespace}/serviceaccounts/default",
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}, **pulls},
        content_type="application/apply-patch+yaml",
        fieldManager="somebody",
    )
    done = foreign.gitops("capture", foreign.namespace, "--manifests").ok()

    below = f"{foreign.namespace}/manifests/"
    listing = git(foreign.remote, "ls-tree", "--name-only", "main", below).splitlines()
    assert [Path(name).stem for name in listing] == [
        "configmap-odd",
        "deployment-web",
        "endpoints-old-db",
        "endpointslice-old-db-2",
        "service-old-db",
        "service-web",
        "serviceaccount-default",
    ]
    assert "job/once left out: nothing makes it again" in done.stderr
    assert "lines: |\n    a\n      b: 'c'" in content(foreign, "manifests/configmap-odd.yaml")
    assert set(states(foreign).values()) == {"adoptable"}


def test_replicas_of_an_autoscaler_make_no_commits(foreign: Live) -> None:
    foreign.running("web", OLD, replicas=1)

    def scaled(replicas: int, manager: str) -> dict[str, object]:
        foreign.kube.scale(foreign.namespace, "web", replicas, manager)
        foreign.gitops("capture", foreign.namespace, "--manifests", "--yes").ok()
        captured = yaml.safe_load(content(foreign, "manifests/deployment-web.yaml"))
        found: dict[str, object] = captured["spec"]
        return found

    assert scaled(2, "kubectl-scale")["replicas"] == 2, "a person meant it"
    assert "replicas" not in scaled(3, "kube-controller-manager")
    before = git(foreign.remote, "rev-parse", "main")
    scaled(4, "kube-controller-manager")
    assert git(foreign.remote, "rev-parse", "main") == before


def test_other_kinds_are_named_and_kept_where_that_is_said(foreign: Live) -> None:
    group = f"{foreign.namespace}.example.com"
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    # As Knative has one: it shares no more than its name with that of Kubernetes.
    names = {"kind": "Service", "plural": "widgets", "singular": "widget"}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    }
    foreign.run("Deployment", "web", OLD)
    foreign.kube.request("POST", definitions, definition)
    try:
        widget = {
            "apiVersion": f"{group}/v1",
            "kind": "Service",
            "metadata": {"name": "kubernetes"},
            "spec": {"size": 1, "type": "ClusterIP", "ports": "none"},
        }
        target = f"/apis/{group}/v1/namespaces/{foreign.namespace}/widgets"
        eventually(lambda: served(foreign, target) and discovered(foreign, group))
        foreign.kube.request("POST", target, {**widget, "status": {"ready": True}})

        told = foreign.gitops("capture", foreign.namespace, "--manifests", "--dry-run").ok()
        said = f"{foreign.namespace}: has widgets.{group} as well, which is left out; --kind NAME"
        assert said in told.stderr
        wrong = foreign.gitops("capture", foreign.namespace, "--manifests", "--kind", "gadgets.x")
        assert (wrong.code, f"it has widgets.{group}" in wrong.stderr) == (2, True), wrong.stderr

        kind = ("--kind", f"widgets.{group}")
        assert foreign.gitops("capture", foreign.namespace, *kind).code == 2, "of manifests"
        kept = foreign.gitops("capture", foreign.namespace, "--manifests", *kind).ok()
        assert "left out" not in kept.stderr
        text = content(foreign, f"manifests/service.{group}-kubernetes.yaml")
        assert yaml.safe_load(text) == widget
    finally:
        foreign.kube.request("DELETE", f"{definitions}/widgets.{group}")


def discovered(live: Live, group: str) -> bool:
    """Tell whether the API server names a group by now: a little later than it serves it."""
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    listed = live.kube.request("GET", "/apis", accept=accept)["items"]
    return group in [one["metadata"]["name"] for one in listed]


def served(live: Live, target: str) -> bool:
    try:
        return bool(live.kube.request("GET", target))
    except ApiError:
        return False


def test_roles_may_be_called_nearly_anything(foreign: Live) -> None:
    foreign.run("Deployment", "web", OLD)
    group = "rbac.authorization.k8s.io/v1"
    roles = f"/apis/{group}/namespaces/{foreign.namespace}/roles"
    for name in ("web:serving", "of two\nlines\x1b[31m"):
        role = {"apiVersion": group, "kind": "Role", "metadata": {"name": name}, "rules": []}
        foreign.kube.request("POST", roles, role)

    done = foreign.gitops("capture", foreign.namespace, "--manifests").ok()

    said = "Role of two lines\\x1b[31m is left out: manifests take no such name"
    assert f"{foreign.namespace}: {said}" in done.stderr.splitlines()
    text = content(foreign, "manifests/role-web%3Aserving.yaml")
    assert yaml.safe_load(text)["metadata"]["name"] == "web:serving"
    adopted = objects_of(foreign.sync("-o", "json").ok())
    assert adopted["Role/web:serving"]["action"] == "adopted"
