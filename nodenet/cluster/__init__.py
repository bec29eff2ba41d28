"""One program on every core: processes that share sockets and pass them on (Node: Cluster)."""
