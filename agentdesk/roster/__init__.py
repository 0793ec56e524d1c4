"""Agents: profiles that people edit, and the immutable versions that tasks run on."""
