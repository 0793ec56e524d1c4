"""The append-only log of facts about tasks, and its announcement to whoever watches."""
