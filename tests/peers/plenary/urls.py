"""The pages."""

from django.http import HttpResponse
from django.urls import path

import accounts
import events

urlpatterns = [
    path("", lambda request: HttpResponse("plenary\n", content_type="text/plain")),
    path("accounts/signup/", accounts.signup),
    path("accounts/login/", accounts.log_in),
    path("accounts/delete/", accounts.delete),
    path("event/<slug:slug>/", events.event),
]
