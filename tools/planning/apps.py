from django.apps import AppConfig


class PlanningConfig(AppConfig):
    name = "tools.planning"
