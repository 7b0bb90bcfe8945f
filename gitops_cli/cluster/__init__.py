"""Kubernetes: the only code that talks to a cluster, and the only one that changes it."""
