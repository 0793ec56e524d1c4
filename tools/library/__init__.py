"""Toolset: runbooks that say how cases are handled, and the internal documents agents write."""
