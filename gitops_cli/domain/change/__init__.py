"""A change of what is recorded: intent, plan, draft, proposal, and the rules it is held to."""
