"""`gitops demo` and `gitops sandbox`."""
