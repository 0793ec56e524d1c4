from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "agentdesk.core"
    label = "core"
