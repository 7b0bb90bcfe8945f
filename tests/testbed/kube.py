"""A small client of the Kubernetes API for the tests, independent of the product's own."""

from __future__ import annotations

import http.client
import json
import queue
import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from tests.testbed.controlplane import ControlPlane
from tests.testbed.manifests import Manifest
from tests.testbed.patience import PATIENCE, eventually

Item = TypeVar("Item")

_CORE = "/api/v1"
_APPS = "/apis/apps/v1"
_BATCH = "/apis/batch/v1"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
_RESOURCES = {
    "Deployment": (_APPS, "deployments"),
    "StatefulSet": (_APPS, "statefulsets"),
    "DaemonSet": (_APPS, "daemonsets"),
    "ReplicaSet": (_APPS, "replicasets"),
    "CronJob": (_BATCH, "cronjobs"),
    "Rollout": ("/apis/argoproj.io/v1alpha1", "rollouts"),
    "Job": (_BATCH, "jobs"),
    "Pod": (_CORE, "pods"),
    "Event": (_CORE, "events"),
    "ConfigMap": (_CORE, "configmaps"),
    "Secret": (_CORE, "secrets"),
    "Service": (_CORE, "services"),
    "ServiceAccount": (_CORE, "serviceaccounts"),
    "Endpoints": (_CORE, "endpoints"),
    "EndpointSlice": ("/apis/discovery.k8s.io/v1", "endpointslices"),
    "ResourceQuota": (_CORE, "resourcequotas"),
    "LimitRange": (_CORE, "limitranges"),
    "HorizontalPodAutoscaler": ("/apis/autoscaling/v2", "horizontalpodautoscalers"),
    "PodDisruptionBudget": ("/apis/policy/v1", "poddisruptionbudgets"),
    "NetworkPolicy": ("/apis/networking.k8s.io/v1", "networkpolicies"),
    "Ingress": ("/apis/networking.k8s.io/v1", "ingresses"),
    "PersistentVolumeClaim": (_CORE, "persistentvolumeclaims"),
    "Namespace": (_CORE, "namespaces"),
    "Node": (_CORE, "nodes"),
    "Role": (_RBAC, "roles"),
    "RoleBinding": (_RBAC, "rolebindings"),
    "ClusterRole": (_RBAC, "clusterroles"),
    "ClusterRoleBinding": (_RBAC, "clusterrolebindings"),
    "ValidatingAdmissionPolicy": (_ADMISSION, "validatingadmissionpolicies"),
    "ValidatingAdmissionPolicyBinding": (_ADMISSION, "validatingadmissionpolicybindings"),
}

_RUNNING = ("Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job")


class ApiError(Exception):
    """The API server refused; `body` is its Status object."""

    def __init__(self, code: int, body: Any) -> None:
        message = body.get("message") if isinstance(body, dict) else body
        super().__init__(f"{code}: {message}")
        self.code = code
        self.body = body


class Kube:
    """A client for one identity. Safe to use from several threads; connections are kept."""

    def __init__(self, url: str, tls: ssl.SSLContext, *, token: str | None = None) -> None:
        self.url = url
        self._tls = tls
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._idle: queue.LifoQueue[tuple[http.client.HTTPSConnection, float]] = queue.LifoQueue()

    # --- requests

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
        **query: str | int,
    ) -> Any:
        """Send one request; return the decoded JSON, or the text where it is none.

        Raises ApiError for every answer from 400 on.
        """
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": content_type, "Accept": accept}
        target = f"{path}?{urlencode(query)}" if query else path
        status, kind, content = self.send(method, target, data, headers)
        answer = json.loads(content) if "json" in kind else content.decode()
        if status >= 400:
            raise ApiError(status, answer)
        return answer

    def send(
        self, method: str, target: str, data: str | None, headers: Mapping[str, str]
    ) -> tuple[int, str, bytes]:
        """Send one request as it is, but for the token; return status, content type and body."""
        connection = self._kept() or self._new()
        try:
            connection.request(method, target, data, {**self._headers, **headers})
            response = connection.getresponse()
            content = response.read()
        except BaseException:
            connection.close()
            raise
        self._idle.put((connection, time.monotonic()))
        return response.status, response.getheader("Content-Type", ""), content

    def close(self) -> None:
        """Close the connections that are idle."""
        while not self._idle.empty():
            self._idle.get()[0].close()

    def _kept(self) -> http.client.HTTPSConnection | None:
        """Return an idle connection; not one that the server has closed by now (after 90 s)."""
        while True:
            try:
                connection, since = self._idle.get_nowait()
            except queue.Empty:
                return None
            if time.monotonic() - since < 60:
                return connection
            connection.close()

    def _new(self) -> http.client.HTTPSConnection:
        host = urlsplit(self.url)
        return http.client.HTTPSConnection(
            host.hostname or "", host.port, context=self._tls, timeout=60
        )

    # --- objects

    def create(self, manifest: Manifest, namespace: str | None = None) -> Manifest:
        """Create an object in the manifest's own or the given namespace."""
        where = namespace or manifest["metadata"].get("namespace")
        answer: Manifest = self.request("POST", path(manifest["kind"], where), manifest)
        return answer

    def get(self, kind: str, namespace: str | None, name: str) -> Manifest:
        """Get one object; ApiError 404 if there is none."""
        answer: Manifest = self.request("GET", path(kind, namespace, name))
        return answer

    def find(
        self, kind: str, namespace: str | None = None, *, labels: str = "", fields: str = ""
    ) -> list[Manifest]:
        """List the objects of a namespace, or of all."""
        selectors = {"labelSelector": labels, "fieldSelector": fields}
        query = {key: value for key, value in selectors.items() if value}
        target = path(kind, namespace)
        items: list[Manifest] = self.request("GET", f"{target}?{urlencode(query)}")["items"]
        return [{"kind": kind, **item} for item in items]  # a LIST leaves the kind out

    def pods(self, namespace: str, app: str | None = None) -> list[Manifest]:
        """List the pods, all or those of one workload made by `manifests.workload`."""
        return self.find("Pod", namespace, labels=f"app={app}" if app else "")

    def patch(
        self,
        kind: str,
        namespace: str | None,
        name: str,
        patch: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        strategic: bool = False,
        subresource: str = "",
        **query: str,
    ) -> Manifest:
        """Patch an object: a list is a JSON patch, a mapping a merge patch, strategic or not."""
        form = "strategic-merge" if strategic else "merge"
        if not isinstance(patch, Mapping):
            form = "json"
        target = path(kind, namespace, name) + subresource
        content_type = f"application/{form}-patch+json"
        answer: Manifest = self.request("PATCH", target, patch, content_type=content_type, **query)
        return answer

    def let_run(self, namespace: str, name: str) -> Manifest:
        """Make a Job of a CronJob, as its controller does when the time has come."""
        made = self.get("CronJob", namespace, name)
        owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": name, "controller": True}
        metadata = {"generateName": f"{name}-", "ownerReferences": [owner | _uid(made)]}
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata}
        return self.create({**job, "spec": made["spec"]["jobTemplate"]["spec"]}, namespace)

    def delete(self, kind: str, namespace: str | None, name: str) -> None:
        """Delete an object, its dependents in the background."""
        self.request("DELETE", path(kind, namespace, name), propagationPolicy="Background")

    def set_image(
        self, kind: str, namespace: str, name: str, container: str, image: str
    ) -> Manifest:
        """Set one container's image, as `kubectl set image` does."""
        template: dict[str, Any] = {"spec": {"containers": [{"name": container, "image": image}]}}
        spec: dict[str, Any] = {"template": template}
        if kind == "CronJob":
            spec = {"jobTemplate": {"spec": spec}}
        return self.patch(kind, namespace, name, {"spec": spec}, strategic=True)

    def scale(self, namespace: str, name: str, replicas: int, manager: str) -> None:
        """Set a Deployment's replicas, as `manager`, whatever else changes it meanwhile."""
        target = path("Deployment", namespace, name) + "/scale"
        change = {"spec": {"replicas": replicas}}
        content_type = "application/merge-patch+json"
        self.request("PATCH", target, change, content_type=content_type, fieldManager=manager)

    def annotate(self, kind: str, namespace: str, name: str, **annotations: str | None) -> Manifest:
        """Set annotations, given as `**{"a/b": "c"}`; None removes one."""
        return self.patch(kind, namespace, name, {"metadata": {"annotations": annotations}})

    def let_ready(self, namespace: str, app: str | None = None) -> None:
        """End the fate that an annotation gave to the pods that there are: they get ready now."""
        for pod in self.pods(namespace, app):
            name = pod["metadata"]["name"]
            try:
                self.annotate("Pod", namespace, name, **{"fake-node/fate": None})
            except ApiError as error:
                if error.code != 404:  # a controller has removed it meanwhile
                    raise

    # --- waiting

    def wait(
        self,
        kind: str,
        namespace: str | None,
        name: str,
        until: Callable[[Manifest], object],
        *,
        timeout: float = PATIENCE,
    ) -> Manifest:
        """Return the object as soon as `until` is true of it. Raises TimeoutError."""
        found: Manifest = {}

        def look() -> bool:
            nonlocal found
            found = self.get(kind, namespace, name)
            return bool(until(found))

        try:
            eventually(look, timeout=timeout)
        except TimeoutError:
            status = json.dumps(found.get("status"), indent=1)
            raise TimeoutError(f"{kind} {namespace}/{name} after {timeout} s: {status}") from None
        return found

    def wait_rolled_out(
        self, kind: str, namespace: str, name: str, *, timeout: float = PATIENCE
    ) -> Manifest:
        """Wait until all replicas of a Deployment, StatefulSet or DaemonSet are new and ready."""
        return self.wait(kind, namespace, name, rolled_out, timeout=timeout)

    def wait_all_rolled_out(
        self, kind: str, namespace: str | None = None, *, timeout: float = PATIENCE
    ) -> None:
        """Wait for all objects of a kind in a namespace, or everywhere."""
        eventually(lambda: all(map(rolled_out, self.find(kind, namespace))), timeout=timeout)

    # --- namespaces and rights

    def create_namespace(self, name: str) -> None:
        """Create a namespace and wait until pods can be made in it."""
        self.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        eventually(lambda: self.exists("ServiceAccount", name, "default"))

    def delete_namespace(self, name: str) -> None:
        """Begin to delete a namespace; not waited for."""
        self.delete("Namespace", None, name)

    def empty_namespace(self, name: str) -> None:
        """Begin to delete all that runs in a namespace which nobody needs any more; it stays.

        To delete the namespace asks the API server twice for every kind that it knows: four times
        the work, and a tenth of what a whole test run did. It goes with the control plane.
        """
        for kind in _RUNNING:
            self.request("DELETE", path(kind, name), propagationPolicy="Background")

    def exists(self, kind: str, namespace: str | None, name: str) -> bool:
        """Tell whether there is such an object."""
        try:
            self.get(kind, namespace, name)
        except ApiError as error:
            if error.code == 404:
                return False
            raise
        return True

    def service_account(
        self, namespace: str, name: str, rules: Sequence[Mapping[str, Sequence[str]]]
    ) -> str:
        """Create a ServiceAccount with a Role of these rules; return a token of an hour.

        A rule is as in a Role: apiGroups, resources, verbs.
        """
        metadata = {"name": name, "namespace": namespace}
        account = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
        role = {"kind": "Role", "apiGroup": "rbac.authorization.k8s.io", "name": name}
        version = "rbac.authorization.k8s.io/v1"
        self.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
        self.create(
            {"apiVersion": version, "kind": "Role", "metadata": metadata, "rules": list(rules)}
        )
        self.create(
            {"apiVersion": version, "kind": "RoleBinding", "metadata": metadata}
            | {"subjects": [account], "roleRef": role}
        )
        for rule in rules:
            eventually(lambda rule=rule: self.may(f"{namespace}:{name}", namespace, rule))
        return self.token(namespace, name)

    def cluster_admin(self, name: str) -> str:
        """Create a ServiceAccount in `default` that may do everything; return a token of it."""
        metadata = {"name": name, "namespace": "default"}
        self.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
        role = {"kind": "ClusterRole", "apiGroup": "rbac.authorization.k8s.io"}
        self.create(
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": name},
                "subjects": [{"kind": "ServiceAccount", **metadata}],
                "roleRef": role | {"name": "cluster-admin"},
            }
        )
        everything = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
        eventually(lambda: self.may(f"default:{name}", "default", everything))
        return self.token("default", name)

    def may(self, account: str, namespace: str, rule: Mapping[str, Sequence[str]]) -> bool:
        """Tell whether a ServiceAccount NAMESPACE:NAME has a right as far as the API server knows.

        It learns of roles and bindings as any controller does: after they are written. Of a rule
        the first of each list counts.
        """
        resource, _, subresource = rule["resources"][0].partition("/")
        attributes = {
            "namespace": namespace,
            "group": rule["apiGroups"][0],
            "resource": resource,
            "subresource": subresource,
            "verb": rule["verbs"][0],
            "name": rule.get("resourceNames", [""])[0],
        }
        home = account.partition(":")[0]
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{home}"]
        asked = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": f"system:serviceaccount:{account}",
                "groups": groups,
                "resourceAttributes": attributes,
            },
        }
        answer = self.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", asked)
        return bool(answer["status"].get("allowed"))

    def token(self, namespace: str, name: str, seconds: int = 3600) -> str:
        """Ask for a token of a ServiceAccount; 600 seconds is the least the API grants."""
        wanted = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
        answer = self.request(
            "POST",
            path("ServiceAccount", namespace, name) + "/token",
            wanted | {"spec": {"expirationSeconds": seconds}},
        )
        token: str = answer["status"]["token"]
        return token


def admin(plane: ControlPlane) -> Kube:
    """Return a client that may do everything."""
    tls = ssl.create_default_context(cafile=str(plane.ca_file))
    user = plane.directory / "client-admin.crt"
    tls.load_cert_chain(str(user), str(user.with_suffix(".key")))
    return Kube(plane.url, tls)


def with_token(plane: ControlPlane, token: str) -> Kube:
    """Return a client with a ServiceAccount's rights."""
    tls = ssl.create_default_context(cafile=str(plane.ca_file))
    return Kube(plane.url, tls, token=token)


def path(kind: str, namespace: str | None = None, name: str | None = None) -> str:
    """Return the URL path of a collection or an object."""
    group, resource = _RESOURCES[kind]
    scope = f"/namespaces/{namespace}" if namespace else ""
    return f"{group}{scope}/{resource}" + (f"/{name}" if name else "")


def _uid(manifest: Manifest) -> Manifest:
    return {"uid": manifest["metadata"]["uid"]}


def is_seen(workload: Manifest) -> bool:
    """Tell whether the controller has seen the newest spec."""
    observed = workload.get("status", {}).get("observedGeneration", 0)
    return bool(observed >= workload["metadata"]["generation"])


def rolled_out(workload: Manifest) -> bool:
    """Tell whether the controller has seen the newest spec and all replicas follow it."""
    if not is_seen(workload):
        return False
    spec, status = workload["spec"], workload["status"]
    if workload["kind"] == "DaemonSet":
        wanted = status["desiredNumberScheduled"]
        return {status.get("updatedNumberScheduled", 0), status.get("numberReady")} == {wanted}
    counts = {status.get(count, 0) for count in ("updatedReplicas", "readyReplicas", "replicas")}
    return counts == {spec["replicas"]}


def in_parallel(
    call: Callable[[Item], object], items: Iterable[Item], *, threads: int = 16
) -> None:
    """Call once per item, several at a time; the first error is raised."""
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(call, items))


def create_many(kube: Kube, workloads: Mapping[str, Sequence[Manifest]]) -> None:
    """Create namespaces with workloads in them: {namespace: manifests}. 1,000 take seconds."""
    in_parallel(kube.create_namespace, workloads)
    each = [(space, item) for space, items in workloads.items() for item in items]
    in_parallel(lambda pair: kube.create(pair[1], pair[0]), each)
