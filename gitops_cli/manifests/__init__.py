"""Manifests: files of the repository, rendered into Kubernetes objects."""
