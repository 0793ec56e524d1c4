from django.apps import AppConfig


class StoreConfig(AppConfig):
    name = "tools.store"
    verbose_name = "Store"

    def ready(self) -> None:
        from tools.store import checks  # noqa: F401 -- registers the system checks
