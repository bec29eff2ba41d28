"""Knock at a port or a path: ``knock.py COUNT (PORT | PATH)`` prints how many are let in.

For a peer is let in once the kernel has his connection, also when nobody accepts it.
"""

import errno
import select
import socket
import sys

count, where = int(sys.argv[1]), sys.argv[2]
family, address = (
    (socket.AF_INET, ("127.0.0.1", int(where))) if where.isdigit() else (socket.AF_UNIX, where)
)
poll = select.poll()
knocking = [socket.socket(family) for _ in range(count)]
inside = 0
for each in knocking:
    each.setblocking(False)
    code = each.connect_ex(address)  # type: ignore[arg-type]  # one of both
    if code == errno.EINPROGRESS:
        # On loopback it is there at once, or not before a second has gone by.
        poll.register(each, select.POLLOUT)
        inside += len(poll.poll(900))
        poll.unregister(each)
    else:
        inside += code == 0
print(inside)
