"""Where notices go: a webhook, or whatever apprise knows. Only who sends says where that is."""
