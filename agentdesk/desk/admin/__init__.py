"""The part of the admin that sees several layers at once: tasks with their whole story, agents with their tools, people."""

from agentdesk.desk.admin import agents, people, tasks

__all__ = ["agents", "people", "tasks"]
