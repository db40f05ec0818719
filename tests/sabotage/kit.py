"""The plumbing, broken: commits, relay, consumers, keys, batches, timers, effects."""

from tests.sabotage.sabotage import Sabotage

KIT = "services/svc_kit/"
TESTS = "tests/kit/"

SABOTAGES = (
    Sabotage(
        "events-outlive-a-commit-that-failed",
        "stock is reserved for orders that nobody has placed",
        f"{KIT}transaction.py",
        "await outbox.insert(con, tx.pending, tx, timeline=self.timeline)",
        "async with self.pool.acquire() as con: await outbox.insert(con, tx.pending, tx, timeline=self.timeline)",
        f"{TESTS}test_transaction.py::test_a_transaction_that_fails_at_its_commit_says_nothing_to_anybody",
    ),
    Sabotage(
        "a-refused-command-says-its-events",
        "others act upon what was refused",
        f"{KIT}doors.py",
        "        tx.pending.clear()",
        "        tx.origins = ()",
        f"{TESTS}test_doors.py::test_a_refused_command_says_nothing_with_a_key_and_without",
    ),
    Sabotage(
        "relay-reads-on-from-where-it-was",
        "what commits late is never sent (958 of 8,684 events in a trial)",
        f"{KIT}relay.py",
        "FROM outbox WHERE lane = ANY($1::smallint[]) ORDER BY id LIMIT $2",
        "FROM outbox WHERE lane = ANY($1::smallint[]) AND id > (SELECT coalesce(max(id), 0) FROM outbox_archive) "
        "ORDER BY id LIMIT $2",
        f"{TESTS}test_relay.py::test_what_commits_after_later_rows_were_sent_is_sent_all_the_same",
    ),
    Sabotage(
        "relay-clears-its-wake-after-the-look",
        "a buyer who commits at that moment waits half a second longer",
        f"{KIT}relay.py",
        '        self.metrics.outbox_age.set(rows[0]["age_seconds"] if rows else 0)',
        '        self.metrics.outbox_age.set(rows[0]["age_seconds"] if rows else 0), self.db.wake.clear()',
        f"{TESTS}test_relay.py::test_a_commit_while_the_relay_looks_wakes_it_at_once",
    ),
    Sabotage(
        "relay-sends-on-before-the-acknowledgement",
        "a batch is lost, a later one arrives",
        f"{KIT}relay.py",
        "await (await producer.send_batch(batch, topic, partition=partition))",
        "await producer.send_batch(batch, topic, partition=partition)",
        f"{TESTS}test_relay.py::test_the_next_batch_leaves_only_when_the_last_was_acknowledged",
    ),
    Sabotage(
        "relay-archives-what-was-only-sent",
        "what the broker never took is deleted",
        f"{KIT}relay.py",
        "acknowledged = [number for numbers in sent for number in numbers]",
        'acknowledged = [row["id"] for row in rows]',
        f"{TESTS}test_relay.py::test_a_partition_that_fails_stops_its_own_lanes_and_no_others",
    ),
    Sabotage(
        "relay-sends-without-a-lease",
        "a relay that was frozen sends old events after newer ones of its successor",
        f"{KIT}relay_rules.py",
        "return now - beat_at < SEND_WITHIN_SECONDS",
        "return now >= beat_at",
        f"{TESTS}test_relay.py::test_in_the_last_part_of_its_lease_a_relay_sends_nothing_more",
    ),
    Sabotage(
        "consumer-trusts-its-own-position-alone",
        "a member that lost its partition works on it beside its successor",
        f"{KIT}consumer_rules.py",
        "if not stored.get(place) == offset == pos.get(place)}",
        "if not offset == pos.get(place)}",
        f"{TESTS}test_consumer_rules.py::"
        "test_a_partition_counts_only_where_database_and_own_position_expect_just_this_record",
    ),
    Sabotage(
        "consumer-never-compares-its-position",
        "what PostgreSQL lost of a lazy commit is missing until the next event of that partition",
        f"{KIT}consumer_rules.py",
        "if pos.get(place) != offset}",
        "if place not in pos}",
        f"{TESTS}test_trouble.py::"
        "test_a_lazy_commit_that_was_lost_with_the_database_is_made_up_for_without_another_event",
    ),
    Sabotage(
        "consumer-asks-no-inbox",
        "what was sent twice has its effect twice",
        f"{KIT}consumer.py",
        "fresh = await _fresh(tx, consumer, chosen) if consumer.inbox else chosen",
        "fresh = chosen",
        f"{TESTS}test_backbone.py::test_what_is_sent_twice_has_one_effect",
    ),
    Sabotage(
        "poison-is-tried-for-ever",
        "one bad event stops its partition for ever",
        f"{KIT}consumer_rules.py",
        "return Next.AGAIN if tries < TRIES_BEFORE_PARKING else Next.PARK",
        "return Next.AGAIN",
        f"{TESTS}test_consumer_rules.py::"
        "test_passing_trouble_waits_for_ever_and_an_event_is_parked_alone_after_three_tries",
    ),
    Sabotage(
        "a-bug-parks-key-after-key",
        "after a bad release every order waits for a person",
        f"{KIT}consumer_rules.py",
        "if len(failing) >= SYSTEMATIC_KEYS_OF_A_TYPE:",
        "if len(failing) >= 1_000 * SYSTEMATIC_KEYS_OF_A_TYPE:",
        f"{TESTS}test_consumer_rules.py::test_one_type_that_fails_on_five_keys_is_a_bug",
    ),
    Sabotage(
        "redrive-runs-backwards",
        "an order is cancelled before it is placed",
        f"{KIT}redrive.py",
        '"WHERE consumer = $1 AND key = $2 ORDER BY n LIMIT 1",',
        '"WHERE consumer = $1 AND key = $2 ORDER BY n DESC LIMIT 1",',
        f"{TESTS}test_backbone.py::test_a_parked_key_is_redriven_in_order_and_flows_again",
    ),
    Sabotage(
        "two-requests-hold-one-key",
        "a double click is charged twice",
        f"{KIT}idempotency.py",
        "SELECT pg_try_advisory_xact_lock(k) AS got FROM",
        "SELECT k IS NOT NULL AS got FROM",
        f"{TESTS}test_idempotency.py::"
        "test_while_the_first_request_works_the_same_key_is_in_progress_and_others_are_free",
    ),
    Sabotage(
        "a-key-is-not-bound-to-its-request",
        "another order is answered with the first one's number and never placed",
        f"{KIT}idempotency.py",
        'if bytes(row["fingerprint"]) != key.fingerprint:',
        'if not row["fingerprint"]:',
        "order-svc/tests/orders/test_checkout.py::test_a_key_is_bound_to_its_request",
    ),
    Sabotage(
        "refusals-are-not-kept-under-their-key",
        "a delayed copy of a refused request places the order after all",
        f"{KIT}batches.py",
        "if idempotency.storable(outcome.status):",
        "if not idempotency.storable(outcome.status):",
        f"{TESTS}test_batches.py::test_a_refused_item_rolls_nothing_back_and_stands_under_its_key",
    ),
    Sabotage(
        "halving-loses-an-item",
        "a buyer beside a broken request is never answered",
        f"{KIT}consumer_rules.py",
        "return items[:middle], items[middle:]",
        "return items[:middle], items[middle + 1 :]",
        f"{TESTS}test_batches.py::test_an_item_that_breaks_fails_alone_and_all_others_are_done",
    ),
    Sabotage(
        "the-deadline-is-locked-instead-of-the-order",
        "an order expires while its payment is being written",
        f"{KIT}timers.py",
        '"FOR NO KEY UPDATE OF t SKIP LOCKED",',
        '"FOR NO KEY UPDATE OF d SKIP LOCKED",',
        f"{TESTS}test_timers.py::test_an_aggregate_that_a_command_holds_is_left_for_later",
    ),
    Sabotage(
        "a-postponed-deadline-fires",
        "an order whose payment is being asked about expires all the same",
        f"{KIT}timers.py",
        "AND aggregate_id = ANY($2::text[]) AND due_at <= $3 ",
        "AND aggregate_id = ANY($2::text[]) AND $3::timestamptz IS NOT NULL ",
        f"{TESTS}test_timers.py::test_a_deadline_that_was_postponed_while_it_was_being_claimed_does_not_fire",
    ),
    Sabotage(
        "whoever-calls-folds",
        "one charge is written down twice by two processes",
        f"{KIT}effects.py",
        "WHERE id = $1 AND lease = $2 AND state = 'waiting' RETURNING id",
        "WHERE id = $1 AND $2::timestamptz IS NOT NULL RETURNING id",
        f"{TESTS}test_effects.py::test_whoever_lost_the_lease_folds_nothing",
    ),
)
