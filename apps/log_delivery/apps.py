from django.apps import AppConfig


class DeliveryConfig(AppConfig):
    name = "apps.log_delivery"
    label = "delivery"
