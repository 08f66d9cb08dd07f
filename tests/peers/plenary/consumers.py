"""The WebSockets: a room each, to which every join and leave sends the full list of members.

A room of N users is told N times of up to N members when they all join: the load of a join storm, as the real server has it.
"""

import itertools
import json
from datetime import datetime, timezone

from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.utils.html import escape

import journal
import rooms

# Ends a socket that the server will not have; codes from 4000 are an application's own (RFC 6455 section 7.4.2).
NOT_FOUND = 4004
OVER_CAPACITY = 4013

CHAT_IDS = itertools.count(1)
# Of all sockets together.
DELIVERIES = itertools.count(1)


class RoomConsumer(AsyncWebsocketConsumer):
    """What plenaries and breakouts have in common. `path` is the room's name in the log."""

    presence = None

    async def dispatch(self, message):
        """As the base class, which also closes old database connections, by a trip to a thread for each message: none is used here."""
        await getattr(self, message["type"].replace(".", "_"))(message)

    async def websocket_disconnect(self, message):
        await self.leave(message["code"])
        raise StopConsumer()

    async def join(self, name):
        """Into the room of this name, and tell all in it."""
        room = rooms.room(name)
        self.presence = rooms.Presence(room, self)
        room.presences[self.channel_name] = self.presence
        await self.channel_layer.group_add(name, self.channel_name)
        self.note("join")
        await self.send_presence(room)

    async def leave(self, code):
        """Out of its room, if it is in one, and tell those who stay."""
        if self.presence is None:
            return
        room, self.presence = self.presence.room, None
        del room.presences[self.channel_name]
        await self.channel_layer.group_discard(room.name, self.channel_name)
        self.note("leave", code=code)
        await self.send_presence(room)

    async def send_presence(self, room):
        """The full list of members, to all in the room."""
        members = room.members()
        payload = {"channel_name": room.name, "members": members, "lurkers": 0}
        self.note("presence", members=len(members), to=len(room.presences))
        text = json.dumps({"type": "presence", "payload": payload})
        await self.channel_layer.group_send(room.name, {"type": "forward", "text": text})

    async def forward(self, message):
        """Something from the channel layer, for this client."""
        every = settings.PLENARY_DROP_EVERY
        if "chat" in message and every and next(DELIVERIES) % every == 0:
            return self.note("dropped_on_purpose", id=message["chat"])
        await self.send(message["text"])
        if "chat" in message:
            self.note("delivery", id=message["chat"])

    async def receive(self, text_data=None, bytes_data=None):
        """A message of the client: `"heartbeat"`, or an object with `type` and `payload`."""
        try:
            data = json.loads(text_data or "")
        except ValueError:
            return await self.error("Invalid JSON")
        if self.presence is not None:
            self.presence.touch()
        if data == "heartbeat":
            return self.note("heartbeat")
        if not isinstance(data, dict) or "type" not in data:
            return await self.error("Missing type")
        handler = self.handlers.get(data["type"])
        if handler is None:
            return await self.error(f"Type {data['type']} not understood")
        await handler(self, data.get("payload") or {})

    async def error(self, text, code=None):
        """Tell the client what is wrong."""
        self.note("error", code=code or text)
        payload = {"error": text, "error_code": code}
        await self.send(json.dumps({"type": "error", "payload": payload}))

    def note(self, event, **fields):
        journal.write(event, room=self.path, user=self.scope["user"].username, **fields)


class PlenaryConsumer(RoomConsumer):
    """The socket of an event."""

    async def connect(self):
        slug = self.scope["url_route"]["kwargs"]["slug"]
        self.path = f"event/{slug}"
        if not self.scope["user"].is_authenticated:
            return await self.close()  # before `accept`: the upgrade is refused with 403
        plenary = rooms.plenary(slug)
        await self.accept()
        if plenary is None:
            await self.error("Plenary not found")
            return await self.close(NOT_FOUND)
        name = f"plenary-{plenary['id']}"
        most = settings.PLENARY_MAX_PARTICIPANTS
        if most and len(rooms.room(name).presences) >= most:
            self.note("error", code="over-capacity")
            return await self.close(OVER_CAPACITY, "over capacity")
        await self.join(name)

    async def chat(self, payload):
        """To everybody in the room, the sender included."""
        message = payload.get("message")
        if self.presence is None or not isinstance(message, str):
            return await self.error("Chat without a message, or outside of a room")
        id = next(CHAT_IDS)
        user = self.scope["user"]
        self.note("chat", id=id, message=message)
        payload = {
            "id": id,
            "user": user.id,
            "username": user.username,
            "created": datetime.now(timezone.utc).isoformat(),
            "message": escape(message),
            "highlight": False,
            "archived": False,
            "mentions": [],
        }
        text = json.dumps({"type": "chat", "payload": payload})
        await self.channel_layer.group_send(
            self.presence.room.name, {"type": "forward", "text": text, "chat": id}
        )

    handlers = {"chat": chat}


class BreakoutConsumer(RoomConsumer):
    """The socket of a breakout. A refused one stays open, for its user may send DISCONNECTING_OTHERS."""

    async def connect(self):
        self.breakout_id = int(self.scope["url_route"]["kwargs"]["breakout_id"])
        self.path = f"breakout/{self.breakout_id}"
        if not self.scope["user"].is_authenticated:
            return await self.close()
        await self.accept()
        if rooms.breakout(self.breakout_id) is None:
            await self.error("Breakout not found")
            return await self.close(NOT_FOUND)
        await self.join_if_allowed()

    async def join_if_allowed(self):
        """Into the breakout, unless it is full or the user is in one already."""
        name = f"breakout-{self.breakout_id}"
        most = rooms.breakout(self.breakout_id)["max_attendees"]
        if len(rooms.room(name).presences) >= most:
            return await self.error("Over capacity", "over-capacity")
        if rooms.presences_of(self.scope["user"], "breakout-"):
            return await self.error("Already connected", "already-connected")
        await self.join(name)

    async def disconnecting_others(self, _payload):
        """Take the user's other sockets out of their breakouts, and go into this one."""
        for presence in rooms.presences_of(self.scope["user"], "breakout-"):
            if presence.consumer is not self:
                await presence.consumer.leave(None)
                await presence.consumer.error("Already connected", "already-connected")
        if self.presence is None:
            await self.join_if_allowed()

    handlers = {"DISCONNECTING_OTHERS": disconnecting_others}
