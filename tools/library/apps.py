from django.apps import AppConfig


class LibraryConfig(AppConfig):
    name = "tools.library"
    verbose_name = "Library"
