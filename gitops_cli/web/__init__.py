"""HTTP: the only code that opens connections. It knows neither Kubernetes nor registries."""
