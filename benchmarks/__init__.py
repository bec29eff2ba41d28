"""Benchmarks: the same loads on nodenet, raw Twisted, asyncio, uvloop and Node, side by side.

Law: what is compared is work per second of the server's *own CPU time*. It is read from the
server's CPU clock at both edges of the measured window, so neither the load generator nor another
program on the machine enters the figure.

``python -m benchmarks`` from the root of the repository runs everything (see ``--help``).
"""
