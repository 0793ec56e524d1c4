from django.apps import AppConfig


class DelegationConfig(AppConfig):
    name = "tools.delegation"
