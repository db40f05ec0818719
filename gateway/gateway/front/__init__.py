"""Before every route, raw ASGI: who asks, which service answers, what is remembered for two seconds."""
