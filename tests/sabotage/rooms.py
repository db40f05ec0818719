"""The services, broken: stock, benefits, orders, money, who may see what, figures, the gateway."""

from tests.sabotage.sabotage import Sabotage

SAGA = "order-svc/order_svc/orders/rules/saga.py"
SAGA_TESTS = "order-svc/tests/orders/test_saga_rules.py"
PAYMENTS = "order-svc/order_svc/payments/"
PAYMENT_TESTS = "order-svc/tests/payments/"
INVENTORY = "inventory-svc/inventory_svc/"
BENEFITS = "marketing-svc/marketing_svc/benefits/"

SABOTAGES = (
    Sabotage(
        "a-rejected-order-takes-nothing-back",
        "coupons and goods of refused orders are gone",
        SAGA,
        'case.due["undecided"] = None\n    _take_back(case)',
        'case.due["undecided"] = None\n    case.note("rejected")',
        f"{SAGA_TESTS}::test_a_rejection_names_what_both_refused_and_asks_back_only_what_was_taken",
    ),
    Sabotage(
        "a-part-of-the-money-pays-the-order",
        "whoever pays one cent gets the goods",
        SAGA,
        "if order.status is Status.AWAITING_PAYMENT and order.is_covered:",
        "if order.status is Status.AWAITING_PAYMENT:",
        f"{SAGA_TESTS}::test_the_full_amount_pays_and_confirms_and_a_part_of_it_does_not",
    ),
    Sabotage(
        "the-refund-does-not-wait-for-the-goods",
        "the money is back and the parcel leaves",
        SAGA,
        "if order.stock_state is not StockState.RELEASED or order.open_attempt is not None:",
        "if order.open_attempt is not None:",
        f"{SAGA_TESTS}::test_money_that_comes_while_an_order_is_cancelled_goes_back_after_the_goods_have_come",
    ),
    Sabotage(
        "an-order-is-cancelled-before-its-money-is-back",
        "a refund that fails is noticed by nobody",
        SAGA,
        "    elif order.refunding_minor == 0:",
        "    elif order.refunding_minor >= 0:",
        f"{SAGA_TESTS}::test_money_that_comes_while_an_order_is_cancelled_goes_back_after_the_goods_have_come",
    ),
    Sabotage(
        "demand-is-not-summed",
        "two lines of one order are promised the same unit",
        f"{INVENTORY}reservations/rules.py",
        "demand[sku] = demand.get(sku, 0) + per_unit * line.quantity",
        "demand[sku] = per_unit * line.quantity",
        "inventory-svc/tests/test_reservation_rules.py::"
        "test_two_lines_of_one_sku_share_what_is_there_and_the_second_is_short",
    ),
    Sabotage(
        "stock-is-read-without-a-lock",
        "two decide over the same last unit; the table alone stops them, and the consumer with them",
        f"{INVENTORY}stock/store.py",
        "WHERE key = ANY($1::text[]) ORDER BY key FOR NO KEY UPDATE",
        "WHERE key = ANY($1::text[]) ORDER BY key",
        "inventory-svc/tests/test_stock_races.py::test_of_64_buyers_at_once_for_10_units_exactly_10_are_served",
    ),
    Sabotage(
        "the-warehouse-is-told-of-cancelled-orders",
        "a cancelled order is packed",
        f"{INVENTORY}reservations/rules.py",
        "        self.issues.pop(order_id, None)",
        "        self.issues.get(order_id, None)",
        "inventory-svc/tests/test_reservation_rules.py::"
        "test_a_cancellation_in_the_same_batch_wins_over_the_handing_over",
    ),
    Sabotage(
        "a-coupon-has-no-end",
        "the eleventh order with a coupon for ten stops all others",
        f"{BENEFITS}rules/counting.py",
        "return self.uses_left is None or uses <= self.uses_left",
        "return self.uses_left is None or uses >= 1",
        "marketing-svc/tests/test_races.py::test_of_64_orders_at_once_for_a_coupon_of_10_exactly_10_have_it",
    ),
    Sabotage(
        "a-budget-has-no-end",
        "the order that overspends a campaign stops all others",
        f"{BENEFITS}rules/counting.py",
        "return self.money_left_minor is None or amount_minor <= self.money_left_minor",
        "return self.money_left_minor is None or self.money_left_minor > 0",
        "marketing-svc/tests/test_benefit_limits.py::test_benefits_of_one_order_share_a_budget_to_the_last_minor_unit",
    ),
    Sabotage(
        "what-a-dead-order-had-stays-taken",
        "coupons of orders that nobody paid are lost",
        f"{BENEFITS}rules/counting.py",
        "Kind.RELEASE: (0, -1),",
        "Kind.RELEASE: (0, 0),",
        "marketing-svc/tests/test_benefits.py::test_what_an_order_had_locked_is_usable_again_once_it_ends",
    ),
    Sabotage(
        "a-callback-and-our-own-call-both-count",
        "one payment is counted twice, and half of it is given back",
        f"{PAYMENTS}store.py",
        "return row.provider, row.provider_ref, row.kind, row.phase",
        "return row.provider, row.provider_ref, row.kind, row.kind",
        f"{PAYMENT_TESTS}test_callbacks.py::test_a_callback_after_our_own_call_changes_nothing",
    ),
    Sabotage(
        "more-goes-back-than-came-in",
        "a refund pays the buyer out of our pocket",
        f"{PAYMENTS}rules.py",
        "part = min(charge.left_minor, amount_minor)",
        "part = min(charge.amount_minor, amount_minor)",
        f"{PAYMENT_TESTS}test_payment_rules.py::test_the_oldest_charge_gives_first",
    ),
    Sabotage(
        "any-currency-is-ours",
        "129 yen pay for 129 yuan",
        f"{PAYMENTS}commands/folding.py",
        'if told is None or told.state == "pending" or told.currency != attempt.currency:',
        'if told is None or told.state == "pending":',
        f"{PAYMENT_TESTS}test_callbacks.py::test_money_of_another_currency_is_not_taken_for_ours",
    ),
    Sabotage(
        "an-old-signature-holds",
        "a callback that somebody overheard is played again",
        f"{PAYMENTS}rules.py",
        "if abs(now.timestamp() - int(at)) > CALLBACK_TOLERANCE.total_seconds():",
        "if now.timestamp() < CALLBACK_TOLERANCE.total_seconds():",
        f"{PAYMENT_TESTS}test_callbacks.py::test_what_is_not_signed_by_the_provider_changes_nothing",
    ),
    Sabotage(
        "any-members-order-opens",
        "everybody reads everybody's orders",
        f"{PAYMENTS}access.py",
        "order.shop != shop or not (by_token or order.person_id in persons):",
        "order.shop != shop or not (by_token or persons):",
        "order-svc/tests/orders/test_cancelling.py::test_foreign_orders_are_not_there",
    ),
    Sabotage(
        "the-gateway-repeats-what-has-no-key",
        "a broken connection places the order twice",
        "gateway/gateway/front/passage.py",
        'again = reads or b"idempotency-key" in asked.given',
        'again = reads or b"content-type" in asked.given or True',
        "gateway/tests/test_broken_connections.py::"
        "test_what_may_be_asked_twice_is_asked_once_more_where_the_connection_broke",
    ),
    Sabotage(
        "a-late-event-overwrites-a-newer-one",
        "yesterday's figures change back",
        "metrics-svc/metrics_svc/facts/store.py",
        "WHERE f.placed_seq IS NULL OR (excluded.placed_timeline, excluded.placed_seq) >",
        "WHERE f.placed_seq IS NULL OR (excluded.placed_timeline, excluded.placed_seq) <>",
        "metrics-svc/tests/test_facts.py::test_every_order_of_arrival_ends_in_the_same_figures",
    ),
    Sabotage(
        "an-old-word-about-stock-is-shown",
        "the page sells what is sold out",
        "catalog-svc/catalog_svc/copies/store.py",
        "f\"WHERE {LATER.format('level_copy')}\",",
        '"WHERE level_copy.seq IS NOT NULL",',
        "catalog-svc/tests/test_storefront.py::test_an_older_word_about_a_level_changes_nothing",
    ),
)
