from django.apps import AppConfig


class LogDeliveryWorkerConfig(AppConfig):
    name = "apps.workers.log_delivery"
    label = "log_delivery_worker"
