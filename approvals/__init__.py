"""Policies, the questions they make us ask people, and the answers."""
