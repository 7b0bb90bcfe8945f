//go:build never

// Keeps the kubelet's dependencies in go.mod, so that it can be built from this module too.
package main

import _ "k8s.io/kubernetes/cmd/kubelet"
