"""Passing running turns on: bounded, whatever is published."""

from __future__ import annotations

from channels.broadcast import TEXT_MAX_CHARACTERS, TURNS_MAX, Broadcast
from channels.types import Conversation, Progress


def talk(number: int = 0) -> Conversation:
    return Conversation(channel="web", account="default", chat="someone", thread=f"talk{number}")


def text(piece: str, offset: int, number: int = 0) -> Progress:
    return Progress(conversation=talk(number), turn="t", kind="text", text=piece, offset=offset)


def test_an_endless_text_does_not_grow_without_end_and_a_reader_in_step_loses_nothing() -> None:
    broadcast = Broadcast()
    piece = "x" * 10_000
    with broadcast.listen(talk().key) as listener:
        received = 0
        for number in range(60):
            broadcast.publish(text(piece, number * len(piece)))
            live = broadcast.live(talk().key)
            assert live
            assert len(live.text) <= TEXT_MAX_CHARACTERS
            received += sum(len(item.text) for item in listener.catch_up(live, talk()))
        assert received == 60 * len(piece)


def test_turns_that_never_end_make_room_for_new_ones() -> None:
    broadcast = Broadcast()
    for number in range(TURNS_MAX + 10):
        broadcast.publish(text("x", 0, number))
    assert broadcast.live(talk(0).key) is None
    assert broadcast.live(talk(TURNS_MAX + 9).key) is not None


def test_a_piece_that_comes_twice_is_taken_once() -> None:
    broadcast = Broadcast()
    for piece, offset in (("Hello ", 0), ("Hello ", 0), ("lo there", 3), ("there", 6)):
        broadcast.publish(text(piece, offset))
    live = broadcast.live(talk().key)
    assert live
    assert live.text == "Hello there"


def test_readers_and_turns_are_forgotten_when_they_end() -> None:
    broadcast = Broadcast()
    with broadcast.listen(talk().key):
        broadcast.publish(text("x", 0))
        broadcast.publish(Progress(conversation=talk(), turn="t", kind="ended"))
        assert broadcast.live(talk().key) is None
    assert not broadcast._listeners
