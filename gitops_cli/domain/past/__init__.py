"""What was recorded before: commits, steps and how two versions lie to each other."""
