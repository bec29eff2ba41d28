"""Raw Twisted's servers: a Protocol or DatagramProtocol on the default (epoll) reactor."""
