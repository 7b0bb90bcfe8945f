"""The figures of docs/performance.md: whole processes side by side, as ratios, by `make bench`."""
