from django.apps import AppConfig


class RuntimeConfig(AppConfig):
    name = "agentdesk.runtime"
    label = "runtime"

    def ready(self) -> None:
        from agentdesk.runtime import checks  # noqa: F401 -- registers the system checks
