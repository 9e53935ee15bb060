from django.apps import AppConfig


class EventDeliveryConfig(AppConfig):
    name = "apps.event_delivery"
