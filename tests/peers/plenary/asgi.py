"""The application that Daphne serves: Django for HTTP, the consumers for WebSocket."""

import asyncio
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
django.setup()

from channels.auth import AuthMiddlewareStack  # noqa: E402: needs the settings
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.urls import re_path  # noqa: E402

from consumers import BreakoutConsumer, PlenaryConsumer  # noqa: E402

# Django gives each request a thread: more at a time would only fight for the interpreter and the database.
REQUESTS_AT_A_TIME = 8


class Bounded:
    """Lets so many requests run at a time; the others wait in the order in which they came."""

    def __init__(self, application):
        self.application = application
        self.room = asyncio.Semaphore(REQUESTS_AT_A_TIME)

    async def __call__(self, scope, receive, send):
        async with self.room:
            await self.application(scope, receive, send)


call_command("migrate", verbosity=0)

# Old clients leave the trailing slash away.
SOCKETS = [
    re_path(r"^event/(?P<slug>[-\w]+)/?$", PlenaryConsumer.as_asgi()),
    re_path(r"^breakout/(?P<breakout_id>[0-9]+)/?$", BreakoutConsumer.as_asgi()),
]

application = ProtocolTypeRouter(
    {
        "http": Bounded(get_asgi_application()),
        "websocket": AuthMiddlewareStack(URLRouter(SOCKETS)),
    }
)
