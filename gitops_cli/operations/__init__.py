"""Use cases: gather, compute, return a result. Nothing here prints."""
