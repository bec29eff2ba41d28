"""What a TCP connection is tuned with before a protocol gets it.

Law: the same options do the same here as on a `net.Socket`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nodenet.net._arguments import seconds
from nodenet.net._kernel_options import KernelOptions, applyKernelSettings
from nodenet.options import declarations
from nodenet.transports.tcp import TCPTransport


def tune(transport: TCPTransport, options: Mapping[str, Any]) -> None:
    """Set `TuningOptions` on a connection."""
    if options.get("noDelay"):
        transport.setNoDelay(True)
    if options.get("keepAlive"):
        transport.setKeepAlive(True, seconds(options.get("keepAliveInitialDelay", 0)))
    kernel = {name: options[name] for name in declarations(KernelOptions) if name in options}
    applyKernelSettings(transport, kernel)
