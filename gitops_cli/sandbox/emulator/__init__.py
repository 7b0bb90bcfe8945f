"""An emulated Kubernetes API: real requests and answers, invented nodes and containers."""
