"""Become the program that is named, on a kernel without IPv6: ``without_ipv6.py PROGRAM ARGS...``

A filter has the kernel refuse every IPv6 socket with ``EAFNOSUPPORT``, as one does that was started
with ``ipv6.disable=1``. It holds for this process and what it becomes. No privilege is needed.
"""

import ctypes
import errno
import os
import platform
import socket
import struct
import sys

SOCKET_CALL = {"x86_64": 41, "aarch64": 198}[platform.machine()]
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _FAIL = 0x7FFF_0000, 0x0005_0000
_CALL, _FIRST_ARGUMENT = 0, 16  # where they stand in what a filter is given

RULES = [
    (_LOAD, 0, 0, _CALL),
    (_JUMP_IF_EQUAL, 0, 3, SOCKET_CALL),
    (_LOAD, 0, 0, _FIRST_ARGUMENT),
    (_JUMP_IF_EQUAL, 0, 1, socket.AF_INET6),
    (_RETURN, 0, 0, _FAIL | errno.EAFNOSUPPORT),
    (_RETURN, 0, 0, _ALLOW),
]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("rules", ctypes.c_char_p))


rules = b"".join(struct.pack("=HBBI", *rule) for rule in RULES)
program = _Program(len(RULES), rules)
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(
    _SECCOMP, _FILTER, ctypes.byref(program)
):
    sys.exit(os.strerror(ctypes.get_errno()))
os.execvp(sys.argv[1], sys.argv[1:])
