from django.apps import AppConfig


class BrakesConfig(AppConfig):
    name = "agentdesk.brakes"
    label = "brakes"
    verbose_name = "Brakes"
