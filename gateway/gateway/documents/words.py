"""What to do about a problem: by its type, else by its status."""

ADVICE = {
    "idempotency-key-missing": "Make a random key of 16 to 255 characters for what you want to do once, send it in the "
    "Idempotency-Key header, and send the same one whenever you try again.",
    "idempotency-key-reused": "A key belongs to one request. Take a new key for what is another wish.",
    "request-in-progress": "Somebody, probably you, sent this a moment ago. Ask again with the same key.",
    "bad-credentials": "Check log-in and password. After several failures you have to wait.",
    "refresh-reused": "A refresh token holds once. Two parties had it, so its session has ended: sign in again.",
    "unauthenticated": "Send `Authorization: Bearer` with an access token that still holds; refresh it, or sign in.",
    "forbidden": "You are known, but this is not among your scopes, or not your shop's.",
    "stale-version": "Read it again, look at what changed, and send your change with the version that you read.",
    "illegal-transition": "`state` says what it is, `possible` what can be done with it now.",
    "total-changed": "The answer holds the new quote: show it to the buyer and ask again with its total.",
    "quote-expired": "Ask for a new quote.",
    "stock-short": "`errors` says for each line what is wanted and what is available. If `your_unpaid_order` is named, "
    "pay or cancel that one.",
    "rate-limited": "Wait as many seconds as Retry-After says.",
    "upstream-unavailable": "A part that this needs is away. Try again after Retry-After; what carries an "
    "Idempotency-Key is safe to repeat.",
    "deadline-exceeded": "Nobody knows whether it was done. What carries an Idempotency-Key is safe to repeat.",
    "payload-too-large": "`limit_bytes` says how much is taken.",
    "already-registered": "Sign in instead, or choose another log-in.",
    "second-person-required": "Whoever submitted it cannot approve it: somebody else has to.",
    "400": "The request cannot be read as it is: `detail` and `errors` say where.",
    "401": "Sign in first.",
    "403": "You may not do this.",
    "404": "There is nothing at this address, or it is not yours to see.",
    "405": "The Allow header names the methods of this address.",
    "409": "It contradicts what is there now: `errors` and the problem's other members say with what.",
    "413": "Send less at once.",
    "422": "`errors` names every value that is not acceptable, with a pointer to it.",
    "429": "Wait as many seconds as Retry-After says.",
    "500": "Our mistake. Tell us the request_id.",
    "502": "Another part refused. Tell us the request_id if it stays so.",
    "503": "Try again after as many seconds as Retry-After says.",
    "504": "It took too long. What carries an Idempotency-Key is safe to repeat.",
    "507": "There is no room left. Try again later.",
}
