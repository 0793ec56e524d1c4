"""Toolset: the to-dos of a task."""
