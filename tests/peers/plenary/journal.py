"""The server's own account of what happened, for tests to compare with: a JSON object a line, each written at once.

    {"at": SECONDS, "event": EVENT, ...}

| event      | fields            | when                                                                       |
|------------|-------------------|----------------------------------------------------------------------------|
| signup, login, delete | user   | an account was made, logged in to, deleted                                 |
| join       | room, user        | a socket came into a room                                                  |
| leave      | room, user, code  | it left; the code with which the connection ended                          |
| presence   | room, members, to | the list of so many members was sent to so many sockets                    |
| chat       | room, user, id, message | a message was received, as it was sent (not escaped); ids are unique |
| delivery   | room, user, id    | a chat was written to a socket of this user                                |
| dropped_on_purpose | room, user, id | it was not written: PLENARY_DROP_EVERY                            |
| heartbeat  | room, user        | a socket said that it is alive                                             |
| error      | room, user, code  | a socket was told this error                                               |
| dropped    | room              | a message for one socket was thrown away: too many were waiting            |

Rooms are `event/SLUG` and `breakout/ID` here.
"""

import json
import os
import time

from django.conf import settings

# Appended to, and by one write a line, so that threads do not mix their lines and a killed server loses none.
FILE = settings.PLENARY_LOG and os.open(
    settings.PLENARY_LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644
)


def write(event, **fields):
    """Write a line, if a log is kept."""
    if FILE:
        line = {"at": round(time.time(), 6), "event": event, **fields}
        os.write(FILE, json.dumps(line).encode() + b"\n")
