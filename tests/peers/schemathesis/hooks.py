"""What schemathesis does not know by itself: how a body of TOML is written. It is a text."""

import schemathesis


@schemathesis.serializer("application/toml")
def toml(_context, value):
    return value if isinstance(value, bytes) else str(value).encode()
