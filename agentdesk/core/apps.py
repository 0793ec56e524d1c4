from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "agentdesk.core"
    label = "core"

    def ready(self) -> None:
        from agentdesk.core import checks  # noqa: F401 -- registers the system checks
