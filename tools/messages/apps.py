from django.apps import AppConfig


class MessagesConfig(AppConfig):
    name = "tools.messages"
    label = "outbox"
    verbose_name = "Messages"
