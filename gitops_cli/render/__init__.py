"""Results turned into something to show; no streams, no I/O."""
