from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "agentdesk.events"
    label = "events"
    verbose_name = "Events"
