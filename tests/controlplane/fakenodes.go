package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"strings"
	"sync/atomic"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

const nodePrefix = "fake-node-"

// fakeNodes writes what kubelets would write about the pods bound to its nodes.
type fakeNodes struct {
	client kubernetes.Interface
	pods   corelisters.PodLister
	queue  workqueue.TypedRateLimitingInterface[string]
	count  int
	bind   bool // bind pods too, because no scheduler runs
	ips    atomic.Uint32
}

func runFakeNodes(ctx context.Context, client kubernetes.Interface, count int, bind bool) error {
	factory := informers.NewSharedInformerFactory(client, 0)
	informer := factory.Core().V1().Pods()
	f := &fakeNodes{client: client, pods: informer.Lister(), count: count, bind: bind,
		queue: workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[string]())}
	logs, err := f.serveLogs()
	if err != nil {
		return err
	}
	for i := range count {
		if err := registerNode(ctx, client, fmt.Sprint(nodePrefix, i), logs); err != nil {
			return err
		}
	}
	add := func(object any) {
		if key, err := cache.MetaNamespaceKeyFunc(object); err == nil {
			f.queue.Add(key)
		}
	}
	if _, err := informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: add, UpdateFunc: func(_, object any) { add(object) }}); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	for range 8 {
		go f.work(ctx)
	}
	return nil
}

func registerNode(ctx context.Context, client kubernetes.Interface, name string, logs int32) error {
	node := &core.Node{ObjectMeta: meta.ObjectMeta{Name: name, Labels: map[string]string{
		"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}}}
	if _, err := client.CoreV1().Nodes().Create(ctx, node, meta.CreateOptions{}); err != nil {
		return err
	}
	room := core.ResourceList{"cpu": resource.MustParse("1000"), "memory": resource.MustParse("1Ti"), "pods": resource.MustParse("10000")}
	now := meta.Now()
	node.Status = core.NodeStatus{Capacity: room, Allocatable: room,
		Addresses:       []core.NodeAddress{{Type: core.NodeInternalIP, Address: "127.0.0.1"}},
		DaemonEndpoints: core.NodeDaemonEndpoints{KubeletEndpoint: core.DaemonEndpoint{Port: logs}},
		Conditions:      []core.NodeCondition{{Type: core.NodeReady, Status: core.ConditionTrue, Reason: "Fake", LastHeartbeatTime: now, LastTransitionTime: now}},
		NodeInfo:        core.NodeSystemInfo{KubeletVersion: "fake", OperatingSystem: "linux", Architecture: "amd64"}}
	_, err := client.CoreV1().Nodes().UpdateStatus(ctx, node, meta.UpdateOptions{})
	return err
}

func (f *fakeNodes) work(ctx context.Context) {
	for {
		key, _ := f.queue.Get()
		again, err := f.sync(ctx, key)
		switch {
		case err == nil || apierrors.IsNotFound(err):
			f.queue.Forget(key)
			if again > 0 {
				f.queue.AddAfter(key, again)
			}
		default: // a conflict with another writer, or a namespace that is being deleted: try again
			if !apierrors.IsConflict(err) && !apierrors.IsForbidden(err) {
				say("fake node: %s: %v", key, err)
			}
			f.queue.AddRateLimited(key)
		}
		f.queue.Done(key)
	}
}

// sync brings one pod one step on, and says when to look at it again.
func (f *fakeNodes) sync(ctx context.Context, key string) (time.Duration, error) {
	namespace, name, _ := cache.SplitMetaNamespaceKey(key)
	pod, err := f.pods.Pods(namespace).Get(name)
	if err != nil {
		return 0, err
	}
	switch {
	case pod.DeletionTimestamp != nil:
		return 0, f.client.CoreV1().Pods(namespace).Delete(ctx, name, meta.DeleteOptions{
			GracePeriodSeconds: new(int64), Preconditions: &meta.Preconditions{UID: &pod.UID}})
	case pod.Status.Phase == core.PodSucceeded || pod.Status.Phase == core.PodFailed:
		return 0, nil
	case pod.Spec.NodeName == "" && f.bind && len(pod.Spec.SchedulingGates) == 0:
		return 0, f.schedule(ctx, pod)
	case !strings.HasPrefix(pod.Spec.NodeName, nodePrefix):
		return 0, nil
	}
	status, again := observe(pod, meta.Now())
	if status.PodIP == "" {
		n := f.ips.Add(1)
		status.PodIP = fmt.Sprintf("10.%d.%d.%d", 128+n>>16&127, n>>8&255, n&255)
		status.PodIPs = []core.PodIP{{IP: status.PodIP}}
	}
	return again, f.write(ctx, pod, status)
}

// schedule binds the pod to a node, or reports like kube-scheduler that none has room for it.
func (f *fakeNodes) schedule(ctx context.Context, pod *core.Pod) error {
	if pod.Annotations[fateAnnotation] == unschedulable {
		status := *pod.Status.DeepCopy()
		reason := fmt.Sprintf("0/%d nodes are available: %[1]d Insufficient cpu.", f.count)
		condition(&status, core.PodScheduled, false, core.PodReasonUnschedulable, reason, meta.Now())
		return f.write(ctx, pod, status)
	}
	node := daemonNode(pod)
	if node == "" {
		hash := fnv.New32a()
		hash.Write([]byte(pod.UID))
		node = fmt.Sprint(nodePrefix, hash.Sum32()%uint32(f.count))
	}
	return f.client.CoreV1().Pods(pod.Namespace).Bind(ctx, &core.Binding{
		ObjectMeta: meta.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
		Target:     core.ObjectReference{Kind: "Node", Name: node},
	}, meta.CreateOptions{})
}

// daemonNode is the node that the DaemonSet controller made the pod for, if it did.
func daemonNode(pod *core.Pod) string {
	if a := pod.Spec.Affinity; a != nil && a.NodeAffinity != nil && a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution != nil {
		for _, term := range a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
			for _, field := range term.MatchFields {
				return field.Values[0] // metadata.name is the only field that can be matched
			}
		}
	}
	return ""
}

// write stores a status that differs from the pod's, and then what is worth an event in it.
func (f *fakeNodes) write(ctx context.Context, pod *core.Pod, status core.PodStatus) error {
	if equality.Semantic.DeepEqual(pod.Status, status) {
		return nil
	}
	changed := pod.DeepCopy()
	changed.Status = status
	if _, err := f.client.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, changed, meta.UpdateOptions{}); err != nil {
		return err
	}
	for _, event := range events(pod, &status) {
		if _, err := f.client.CoreV1().Events(pod.Namespace).Create(ctx, event, meta.CreateOptions{}); err != nil {
			say("fake node: event for %s/%s: %v", pod.Namespace, pod.Name, err)
		}
	}
	return nil
}
