from django.apps import AppConfig


class RosterConfig(AppConfig):
    name = "agentdesk.roster"
    label = "roster"
    verbose_name = "Agents"
