"""How long tests wait until they call something slow. None says how fast anything is."""

PATIENCE = 120.0
"""Seconds until something that has to happen counts as never."""
HANGING = 25.0
"""Seconds after which what has a time-out of a few counts as hanging: more than a loaded machine
takes, less than the limits it would run into without one (30 s for a request, 60 s for git)."""
