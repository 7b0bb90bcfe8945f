//go:build never

// Keeps the dependencies of Kubernetes' other programs in go.mod, so that they can be built from this module too.
package main

import (
	_ "k8s.io/kubernetes/cmd/kubectl"
	_ "k8s.io/kubernetes/cmd/kubelet"
)
