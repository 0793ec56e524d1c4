"""The built-in model that works without a key: an SDK side (`model`, `stream`) over a pure brain (the rest)."""
