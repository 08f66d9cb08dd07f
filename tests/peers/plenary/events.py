"""The page of an event, with the state that a client starts from."""

import json

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404
from django.shortcuts import render
from django.utils.safestring import mark_safe

import rooms

# Characters that would end the script, as JSON may write them too.
ESCAPES = {ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"}


@login_required
def event(request, slug):
    """The page; 404 if there is no such event, 302 to the login for those who are not logged in."""
    plenary = rooms.plenary(slug)
    if plenary is None:
        raise Http404
    state = {
        "plenary": plenary,
        "breakouts": rooms.breakouts(slug),
        "auth": {
            "is_authenticated": True,
            "id": request.user.id,
            "username": request.user.username,
        },
        "breakout_presence": {},
        "chat_messages": [],
        "videosync": {},
    }
    text = json.dumps(state).translate(ESCAPES)
    return render(request, "event.html", {"name": plenary["name"], "state": mark_safe(text)})
