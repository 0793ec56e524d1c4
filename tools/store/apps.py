from django.apps import AppConfig


class StoreConfig(AppConfig):
    name = "tools.store"
    verbose_name = "Store"
