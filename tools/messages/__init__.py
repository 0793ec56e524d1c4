"""Toolset: messages to customers."""
