"""The words services say to each other: events, topics, money, ids, scopes, routes. Pure; nothing here does I/O."""
