"""The figures of the README: whole processes, side by side, as ratios. Run by `make bench`."""
