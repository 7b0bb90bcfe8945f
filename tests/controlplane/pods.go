package main

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/pkg/util/parsers"
)

// How a container fares. The image's tag decides, or this annotation on the pod for all containers.
const (
	broken        = "broken"        // the registry has no such image
	unreachable   = "unreachable"   // the registry does not answer
	config        = "config"        // a Secret that the container needs does not exist
	crash         = "crash"         // ends at once, again and again
	unready       = "unready"       // runs, but its readiness probe fails
	fail          = "fail"          // in a Job's pod: ends with an error
	unschedulable = "unschedulable" // no node has room for it (only as annotation)
)

// A tag that is a commit hash tells its fate by how it begins.
var fates = map[string]string{"dead0": broken, "dead1": crash, "dead2": unready, "dead3": fail}

// What a pod's annotations can say. The API's times are whole seconds, so delays may be up to one second shorter.
const (
	fateAnnotation       = "fake-node/fate"
	readyAfterAnnotation = "fake-node/ready-after" // default 0s
	runForAnnotation     = "fake-node/run-for"     // of a Job's pod, default 1s
	recoverAnnotation    = "fake-node/recover-after"
	exitCodeAnnotation   = "fake-node/exit-code" // of crash and fail, default 1
	messageAnnotation    = "fake-node/message"   // instead of the fate's own words
	digestAnnotation     = "fake-node/digest"    // of the images that were pulled
)

// observe returns the status a kubelet would report for the pod now, and when that will next change.
// All of it follows from the pod and the time it started, so asking twice gives the same answer.
func observe(pod *core.Pod, now meta.Time) (status core.PodStatus, again time.Duration) {
	status = *pod.Status.DeepCopy()
	if status.StartTime == nil {
		start := now.Rfc3339Copy()
		status.StartTime = &start
		status.HostIP, status.HostIPs = "127.0.0.1", []core.HostIP{{IP: "127.0.0.1"}}
	}
	k := &kubelet{pod: pod, start: *status.StartTime, age: now.Sub(status.StartTime.Time)}
	due := k.over(readyAfterAnnotation, 0)
	once := pod.Spec.RestartPolicy != core.RestartPolicyAlways
	ended := once && k.over(runForAnnotation, time.Second)

	initialized := true
	status.InitContainerStatuses = nil
	for i, c := range pod.Spec.InitContainers {
		sidecar := c.RestartPolicy != nil && *c.RestartPolicy == core.ContainerRestartPolicyAlways
		s := k.container(c, initialized, !sidecar, fmt.Sprint("init", i))
		initialized = initialized && (s.Ready || sidecar && *s.Started)
		status.InitContainerStatuses = append(status.InitContainerStatuses, s)
	}
	status.ContainerStatuses = nil
	for i, c := range pod.Spec.Containers {
		s := k.container(c, initialized, ended, fmt.Sprint(i))
		s.Ready = s.Ready && due && !ended
		status.ContainerStatuses = append(status.ContainerStatuses, s)
	}
	status.Phase = phase(&status, initialized)
	reason := "ContainersNotReady"
	if status.Phase == core.PodSucceeded {
		reason = "PodCompleted"
	}
	ready := initialized
	for _, s := range status.ContainerStatuses {
		ready = ready && s.Ready
	}
	condition(&status, core.PodScheduled, true, "", "", now)
	condition(&status, core.PodInitialized, initialized, "ContainersNotInitialized", "", now)
	condition(&status, core.ContainersReady, ready, reason, "", now)
	condition(&status, core.PodReady, ready, reason, "", now)
	return status, k.again
}

// kubelet observes one pod at one moment.
type kubelet struct {
	pod   *core.Pod
	start meta.Time
	age   time.Duration
	again time.Duration // until the next change; 0: none to come
}

// over tells whether the annotation's time has passed since the pod's start, and else notes when it will have.
func (k *kubelet) over(annotation string, otherwise time.Duration) bool {
	wait, err := time.ParseDuration(k.pod.Annotations[annotation])
	if err != nil {
		wait = otherwise
	}
	return k.reached(wait)
}

func (k *kubelet) reached(wait time.Duration) bool {
	left := wait - k.age
	if left > 0 && (k.again == 0 || left < k.again) {
		k.again = left
	}
	return left <= 0
}

// container is the status of one container; one that ends has run to its end by now.
func (k *kubelet) container(c core.Container, initialized, ends bool, index string) core.ContainerStatus {
	started := true
	s := core.ContainerStatus{Name: c.Name, Image: c.Image, Started: &started}
	waits := func(reason, message string) core.ContainerStatus {
		started = false
		s.State.Waiting = &core.ContainerStateWaiting{Reason: reason, Message: message}
		return s
	}
	if !initialized {
		return waits("PodInitializing", "")
	}
	repository, tag, digest, err := parsers.ParseImageName(c.Image)
	if err != nil {
		return waits("InvalidImageName", fmt.Sprintf("Failed to apply default image tag %q: %v", c.Image, err))
	}
	what := k.fate(tag)
	switch what {
	case broken, unreachable:
		return waits(k.pull(c.Image, what))
	case config:
		return waits("CreateContainerConfigError", k.says(fmt.Sprintf("secret %q not found", c.Name)))
	}
	s.ImageID = repository + "@" + cmp.Or(k.pod.Annotations[digestAnnotation], digest, fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(c.Image))))
	s.ContainerID = fmt.Sprintf("fake://%s/%s", k.pod.UID, index)
	switch {
	case what == crash:
		restarts, backoff := k.restarts()
		s.RestartCount = restarts
		s.LastTerminationState.Terminated = k.ended(s.ContainerID, true)
		return waits("CrashLoopBackOff", fmt.Sprintf("back-off %v restarting failed container=%s pod=%s", backoff, c.Name, k.fullName()))
	case ends:
		failed := what == fail
		s.State.Terminated = k.ended(s.ContainerID, failed)
		s.Ready, started = !failed, false
	default:
		s.State.Running = &core.ContainerStateRunning{StartedAt: k.start}
		s.Ready = what != unready
	}
	return s
}

func (k *kubelet) fate(tag string) string {
	if k.pod.Annotations[recoverAnnotation] != "" && k.over(recoverAnnotation, 0) {
		return ""
	}
	return cmp.Or(k.pod.Annotations[fateAnnotation], fates[tag[:min(len(tag), 5)]], tag)
}

func (k *kubelet) says(otherwise string) string {
	return cmp.Or(k.pod.Annotations[messageAnnotation], otherwise)
}

func (k *kubelet) fullName() string { // as the kubelet's format.Pod
	return fmt.Sprintf("%s_%s(%s)", k.pod.Name, k.pod.Namespace, k.pod.UID)
}

// pull gives the reason and message of an image that cannot be pulled: in the first second the try, then the back-off.
func (k *kubelet) pull(image, what string) (reason, message string) {
	failure := fmt.Sprintf("rpc error: code = NotFound desc = failed to pull and unpack image %[1]q: failed to resolve reference %[1]q: %[1]s: not found", image)
	if what == unreachable {
		failure = fmt.Sprintf("rpc error: code = DeadlineExceeded desc = failed to pull and unpack image %[1]q: failed to resolve reference %[1]q: i/o timeout", image)
	}
	failure = k.says(failure)
	if !k.reached(time.Second) {
		return "ErrImagePull", failure
	}
	return "ImagePullBackOff", fmt.Sprintf("Back-off pulling image %q: ErrImagePull: %s", image, failure)
}

// restarts counts with the kubelet's back-off: 10s, doubled each time, at most 5m.
func (k *kubelet) restarts() (count int32, backoff time.Duration) {
	count, backoff = 1, 10*time.Second
	for at := backoff; k.reached(at); at += backoff {
		count, backoff = count+1, min(2*backoff, 5*time.Minute)
	}
	return count, backoff
}

func (k *kubelet) ended(containerID string, failed bool) *core.ContainerStateTerminated {
	t := &core.ContainerStateTerminated{Reason: "Completed", StartedAt: k.start, FinishedAt: k.start, ContainerID: containerID}
	if !failed {
		return t
	}
	t.ExitCode, t.Reason, t.Message = 1, "Error", k.says("")
	if code, err := strconv.ParseInt(k.pod.Annotations[exitCodeAnnotation], 10, 32); err == nil {
		t.ExitCode = int32(code)
	}
	if t.ExitCode == 137 {
		t.Reason = "OOMKilled"
	}
	return t
}

// phase follows the kubelet's getPhase for the states that occur here.
func phase(status *core.PodStatus, initialized bool) core.PodPhase {
	ended, failed := 0, false
	for _, s := range status.ContainerStatuses {
		if s.State.Waiting != nil && s.LastTerminationState.Terminated == nil {
			return core.PodPending
		}
		if t := s.State.Terminated; t != nil {
			ended++
			failed = failed || t.ExitCode != 0
		}
	}
	switch {
	case !initialized:
		return core.PodPending
	case ended < len(status.ContainerStatuses):
		return core.PodRunning
	case failed:
		return core.PodFailed
	}
	return core.PodSucceeded
}

// condition sets one condition; the reason belongs to a false one only.
func condition(status *core.PodStatus, kind core.PodConditionType, yes bool, reason, message string, now meta.Time) {
	wanted := core.PodCondition{Type: kind, Status: core.ConditionTrue, LastTransitionTime: now.Rfc3339Copy()}
	if !yes {
		wanted.Status, wanted.Reason, wanted.Message = core.ConditionFalse, reason, message
	}
	for i, c := range status.Conditions {
		if c.Type == kind {
			if c.Status != wanted.Status {
				status.Conditions[i] = wanted
			}
			return
		}
	}
	status.Conditions = append(status.Conditions, wanted)
}

// events are those a kubelet or the scheduler records when a pod that was as before becomes as status says.
// Only what explains a rollout that does not go on: Pulling, Created, Started and so on are left out.
func events(before *core.Pod, status *core.PodStatus) (list []*core.Event) {
	record := func(kind, reason, field, component, message string) {
		now := meta.Now()
		list = append(list, &core.Event{
			ObjectMeta: meta.ObjectMeta{GenerateName: before.Name + ".", Namespace: before.Namespace},
			InvolvedObject: core.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: before.Namespace, Name: before.Name,
				UID: before.UID, FieldPath: field},
			Type: kind, Reason: reason, Message: message, Count: 1, FirstTimestamp: now, LastTimestamp: now,
			Source: core.EventSource{Component: component, Host: before.Spec.NodeName},
		})
	}
	for _, c := range status.Conditions {
		if c.Reason == core.PodReasonUnschedulable {
			record(core.EventTypeWarning, "FailedScheduling", "", "default-scheduler", c.Message)
		}
	}
	was := map[string]core.ContainerStatus{}
	for _, s := range containers(&before.Status) {
		was[s.status.Name] = *s.status
	}
	for _, s := range containers(status) {
		old := was[s.status.Name]
		warn := func(reason, message string) { record(core.EventTypeWarning, reason, s.field, "kubelet", message) }
		if s.status.State.Running != nil && !s.status.Ready && old.State.Running == nil {
			warn("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
		}
		waiting := s.status.State.Waiting
		if waiting == nil || old.State.Waiting != nil && old.State.Waiting.Reason == waiting.Reason {
			continue
		}
		switch waiting.Reason {
		case "PodInitializing":
		case "ErrImagePull":
			warn("Failed", fmt.Sprintf("Failed to pull image %q: %s", s.status.Image, waiting.Message))
			warn("Failed", "Error: ErrImagePull")
		case "ImagePullBackOff":
			record(core.EventTypeNormal, "BackOff", s.field, "kubelet", waiting.Message)
			warn("Failed", "Error: ImagePullBackOff")
		case "InvalidImageName":
			warn("InspectFailed", waiting.Message)
			warn("Failed", "Error: InvalidImageName")
		case "CrashLoopBackOff":
			_, pod, _ := strings.Cut(waiting.Message, "pod=")
			warn("BackOff", fmt.Sprintf("Back-off restarting failed container %s in pod %s", s.status.Name, pod))
		default:
			warn("Failed", "Error: "+waiting.Message)
		}
	}
	return list
}

type namedStatus struct {
	status *core.ContainerStatus
	field  string // the container's place in the pod's spec, as events name it
}

func containers(status *core.PodStatus) (all []namedStatus) {
	for i := range status.InitContainerStatuses {
		s := &status.InitContainerStatuses[i]
		all = append(all, namedStatus{s, "spec.initContainers{" + s.Name + "}"})
	}
	for i := range status.ContainerStatuses {
		s := &status.ContainerStatuses[i]
		all = append(all, namedStatus{s, "spec.containers{" + s.Name + "}"})
	}
	return all
}
