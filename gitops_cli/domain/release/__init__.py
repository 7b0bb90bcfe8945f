"""From a commit to an image: what is built, from what, and in whose CI."""
