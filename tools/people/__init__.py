"""Toolset: asking staff."""
