"""docker or podman: builds images, commits containers to images, pushes them."""
