"""A row that is gone, changed or there twice is found; what is new on purpose is not."""

from collections import Counter

from tests.faults.dumps import Row, differences, names_beside

OLD, SHELF = Row("orders", "orders", "(ord_1,paid)"), Row("inventory", "stock_level", "(NEW@w,5)")
NEW, ADDRESS = Row("orders", "orders", "(ord_2,placed,adr_7)"), Row("orders", "address", "(adr_7,secret)")


def test_what_is_new_on_purpose_is_no_difference() -> None:
    before, after = Counter([OLD, SHELF]), Counter([OLD, NEW, ADDRESS, Row("inventory", "stock_level", "(NEW@w,4)")])

    assert names_beside(after, ["ord_2", "NEW"]) == {"ord_2", "NEW", "adr_7"}
    assert differences(before, after, ["ord_2", "NEW", "adr_7"]) == ([], [])


def test_what_is_gone_changed_or_doubled_is_found() -> None:
    changed = Row("orders", "orders", "(ord_1,cancelled)")

    assert differences(Counter([OLD]), Counter(), ["ord_2"]) == ([OLD], [])
    assert differences(Counter([OLD]), Counter([changed]), ["ord_2"]) == ([OLD], [changed])
    assert differences(Counter([OLD]), Counter([OLD, OLD]), ["ord_2"]) == ([], [OLD])
