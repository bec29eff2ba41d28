"""nodenet's servers: the public API alone, line by line what stands in ``node/``."""
