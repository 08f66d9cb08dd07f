"""Events, their breakouts, and who is in which room. All in the memory of the one process that serves them."""

import time

from django.conf import settings

# Ids of the breakouts of the first event start at this, those of the second at twice this.
IDS_OF_AN_EVENT = 1000


def plenary(slug):
    """What the event's page says of the plenary; `None` if there is no such event."""
    if slug not in settings.PLENARY_SLUGS:
        return None
    return {
        "id": settings.PLENARY_SLUGS.index(slug) + 1,
        "slug": slug,
        "name": f"Plenary {slug}",
        "url": f"/event/{slug}/",
        # What trips those who look for the end of the state with a pattern instead of parsing it.
        "description": 'Bring "quotes", <b>tags</b> and {braces};',
        "open": True,
        "canceled": False,
        "public": True,
        "breakouts_open": settings.PLENARY_BREAKOUTS_OPEN,
        "breakout_mode": "user",
        "max_participants": settings.PLENARY_MAX_PARTICIPANTS,
        "admins": [],
        "embeds": None,
    }


def breakouts(slug):
    """The breakouts of an event: some that are open to all, then a proposal, then one that is dealt out at random."""
    number = settings.PLENARY_SLUGS.index(slug) + 1
    kinds = [(False, False)] * settings.PLENARY_BREAKOUTS + [(True, False), (False, True)]
    return [
        {
            "id": number * IDS_OF_AN_EVENT + index,
            "plenary": number,
            "title": f"Breakout {index}",
            "url": f"/breakout/{number * IDS_OF_AN_EVENT + index}/",
            "max_attendees": settings.PLENARY_MAX_ATTENDEES,
            "is_proposal": is_proposal,
            "is_random": is_random,
            "members": [],
            "votes": [],
        }
        for index, (is_proposal, is_random) in enumerate(kinds, 1)
    ]


def breakout(breakout_id):
    """The breakout with this id; `None` if there is none."""
    return BREAKOUTS.get(breakout_id)


BREAKOUTS = {b["id"]: b for slug in settings.PLENARY_SLUGS for b in breakouts(slug)}


class Presence:
    """One socket in a room."""

    def __init__(self, room, consumer):
        self.room = room
        self.consumer = consumer
        self.user = consumer.scope["user"]
        self.touch()

    def touch(self):
        """Say that the client is alive."""
        self.seen = time.monotonic()


class Room:
    """A plenary or a breakout: its name (also that of the group in the channel layer) and its sockets."""

    def __init__(self, name):
        self.name = name
        # By the name of the socket's channel, in the order of joining.
        self.presences = {}

    def members(self):
        """Everybody who is in it, once however many sockets they have."""
        users = {p.user.id: p.user.username for p in self.presences.values()}
        return [{"id": id, "username": name} for id, name in users.items()]


ROOMS = {}


def room(name):
    """The room of this name."""
    return ROOMS.setdefault(name, Room(name))


def presences_of(user, prefix):
    """The sockets of a user in all rooms whose names start so."""
    return [
        presence
        for room in ROOMS.values()
        if room.name.startswith(prefix)
        for presence in room.presences.values()
        if presence.user.id == user.id
    ]
