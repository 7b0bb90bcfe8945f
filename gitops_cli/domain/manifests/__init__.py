"""Kubernetes objects that the repository holds, and how they differ from a cluster's."""
