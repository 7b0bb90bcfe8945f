"""What was delivered: how often, how fast, how often it failed, and how long until mended."""
