from django.apps import AppConfig


class RuntimeConfig(AppConfig):
    name = "agentdesk.runtime"
    label = "runtime"
