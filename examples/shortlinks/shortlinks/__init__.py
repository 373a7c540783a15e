"""Short links: a store that holds them, and a server that answers for it."""
