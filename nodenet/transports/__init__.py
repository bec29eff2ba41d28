"""Twisted transports on descriptors of their own: tcp, unix, udp, listening.

Law: errors leave here with the kernel's errno and in Node's words; nothing here blocks.
"""
