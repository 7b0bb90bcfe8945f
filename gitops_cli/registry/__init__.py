"""Image registries, read only: does the image exist, and what is its digest."""
