"""A client of the HTTP API: ``from service.client import Vitrine, AsyncVitrine``."""

from service.client.async_client import AsyncVitrine
from service.client.client import Vitrine
from service.client.errors import ServiceError, ServiceUnreachable

__all__ = ["AsyncVitrine", "ServiceError", "ServiceUnreachable", "Vitrine"]
