from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "apps.domain.events"
    label = "events"
