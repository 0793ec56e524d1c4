from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "agentdesk.api"
    label = "api"
