package main

import (
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"

	core "k8s.io/api/core/v1"
)

// logAnnotation on a pod is what its containers have logged.
const logAnnotation = "fake-node/log"

// serveLogs is the one part of a kubelet's own API that the fake nodes have, and returns its port.
// kube-apiserver fetches `kubectl logs` from there.
func (f *fakeNodes) serveLogs() (int32, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", f.logs)
	go func() {
		check(http.ServeTLS(listener, mux, filepath.Join(*dir, "server.crt"), filepath.Join(*dir, "server.key")))
	}()
	return int32(listener.Addr().(*net.TCPAddr).Port), nil
}

func (f *fakeNodes) logs(w http.ResponseWriter, r *http.Request) {
	pod, err := f.pods.Pods(r.PathValue("namespace")).Get(r.PathValue("pod"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	lines, err := logLines(pod, r.PathValue("container"), r.URL.Query().Get("previous") == "true")
	if err != nil { // the code and the words are the kubelet's
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if tail, err := strconv.Atoi(r.URL.Query().Get("tailLines")); err == nil {
		lines = lines[max(0, len(lines)-tail):]
	}
	for _, line := range lines {
		fmt.Fprintln(w, line)
	}
}

// logLines are those of a container that has run; the errors are the kubelet's for one that has not.
func logLines(pod *core.Pod, container string, previous bool) ([]string, error) {
	for _, c := range containers(&pod.Status) {
		s := c.status
		if s.Name != container {
			continue
		}
		crashed := s.LastTerminationState.Terminated
		switch {
		case previous && crashed == nil:
			return nil, fmt.Errorf("previous terminated container %q in pod %q not found", container, pod.Name)
		case s.State.Waiting != nil && crashed == nil:
			return nil, fmt.Errorf("container %q in pod %q is waiting to start: %s", container, pod.Name, s.State.Waiting.Reason)
		}
		if text, ok := pod.Annotations[logAnnotation]; ok {
			return strings.Split(strings.TrimSuffix(text, "\n"), "\n"), nil
		}
		lines := []string{container + ": starting " + s.Image}
		if crashed != nil {
			lines = append(lines, fmt.Sprintf("%s: fatal, exit code %d", container, crashed.ExitCode))
		}
		return lines, nil
	}
	return nil, fmt.Errorf("container %q in pod %q is not available", container, pod.Name)
}
