"""What libraries say again and again is not written again and again."""

import logging

from svc_kit.telemetry import LIBRARY_REPEATS_SECONDS, Seldom


def said(sentence: str, at: float, *arguments: object) -> logging.LogRecord:
    record = logging.LogRecord("aiokafka", logging.ERROR, "", 0, sentence, arguments, None)
    record.created = at
    return record


def test_a_sentence_is_written_once_in_ten_seconds_whatever_stands_in_it() -> None:
    seldom = Seldom()
    sentences = [said("no connection to %s", 100 + n / 10, n) for n in range(1_000)]

    written = [record.created for record in sentences if seldom.filter(record)]

    assert written == [100 + n * LIBRARY_REPEATS_SECONDS for n in range(10)]


def test_another_sentence_does_not_wait_for_it() -> None:
    seldom = Seldom()

    assert seldom.filter(said("no connection to %s", 100.0, 1))
    assert seldom.filter(said("the coordinator is dead", 100.1))
