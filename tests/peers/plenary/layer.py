"""The channel layer: that of Channels in memory, without the two things that make it slow with hundreds of sockets.

It looks through all channels and groups for what has expired each time a message is received, and copies each message for
each channel; here nothing expires (every socket leaves its groups) and messages are not changed by who gets them.
"""

import asyncio

from channels.layers import InMemoryChannelLayer

import journal


class Layer(InMemoryChannelLayer):
    """Sends the same message to every channel of a group."""

    def _clean_expired(self):
        pass

    async def group_send(self, group, message):
        for channel in self.groups.get(group, {}):
            queue = self.channels.get(channel)
            if queue is None:
                queue = self.channels[channel] = asyncio.Queue(self.capacity)
            if queue.full():
                journal.write("dropped", room=group)
            else:
                # As the base class's `receive` takes it: when it expires, and what it says.
                queue.put_nowait((None, message))
