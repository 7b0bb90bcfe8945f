"""What a cluster runs, how that differs from what is recorded, and what changes it."""
