"""What a person may rely on in any conversation, seen through the web chat's API and a real store."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from redis.asyncio import Redis

from tests.running import PLAIN, Person, running, visitor
from tests.simulators.llm import LLMSimulator, cut, fail, say, silent


async def test_a_message_is_answered_and_streamed(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    llm.chunk_delay_s = 0.02
    async with running(tmp_path, valkey_url=valkey_url, model_url=llm.base_url) as parley, visitor(parley) as anna:
        answer = await anna.ask("hello there, how are you today?")
        assert answer["content"] == "echo: hello there, how are you today?"
        assert answer["outcome"] == "answered"
        assert answer["usage"]["completion_tokens"] > 0
        assert anna.streamed == answer["content"]
        assert len([item for item in anna.progress if item["kind"] == "text"]) > 2


async def test_a_redelivered_message_is_answered_once(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with running(tmp_path, valkey_url=valkey_url, model_url=llm.base_url) as parley, visitor(parley) as anna:
        statuses = [await anna.write("once", message_id="message-1") for _ in range(5)]
        assert statuses == ["accepted", *["duplicate"] * 4]
        await anna.until(1)
        await anna.ask("next")
        assert anna.texts == ["echo: once", "echo: next"]


async def test_messages_of_one_conversation_are_answered_in_order(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with running(tmp_path, valkey_url=valkey_url, model_url=llm.base_url) as parley, visitor(parley) as anna:
        for number in range(20):
            await anna.write(f"m{number}")
        assert await anna.until(20) == [f"echo: m{number}" for number in range(20)]


async def test_conversations_do_not_wait_for_each_other(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    llm.delay_s = 2
    async with running(tmp_path, valkey_url=valkey_url, model_url=llm.base_url) as parley:
        people = [await parley.person() for _ in range(10)]
        asking = [asyncio.create_task(person.ask("hello")) for person in people]
        async with asyncio.timeout(10):
            while llm.active < len(people):
                await asyncio.sleep(0.01)
        await asyncio.gather(*asking)
        for person in people:
            await person.leave()


async def test_a_person_who_writes_too_much_is_told_and_not_ignored(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    llm.delay_s = 0.3
    settings = "limits: {lane_depth: 2}\n"
    async with (
        running(tmp_path, valkey_url=valkey_url, model_url=llm.base_url, settings=settings) as parley,
        visitor(parley) as anna,
    ):
        assert [await anna.write(f"m{n}") for n in range(4)] == ["accepted", "accepted", "busy", "busy"]
        await anna.wait_for(lambda: len(anna.answers) == 4)
        assert sum("keep up" in text for text in anna.texts) == 2
        assert [text for text in anna.texts if text.startswith("echo")] == ["echo: m0", "echo: m1"]


async def stop_when_running(anna: Person, llm: LLMSimulator) -> float:
    async with asyncio.timeout(5):
        while not llm.active:
            await asyncio.sleep(0.01)
    started = time.monotonic()
    await anna.write("/stop", kind="command")
    await anna.until(1)
    return time.monotonic() - started


async def test_stop_ends_the_running_turn_within_a_second(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    llm.delay_s = 30
    async with running(tmp_path, valkey_url=valkey_url, model_url=llm.base_url) as parley, visitor(parley) as anna:
        await anna.write("tell me everything")
        assert await stop_when_running(anna, llm) < 1
        assert anna.answers[0]["outcome"] == "stopped"
        llm.delay_s = 0
        assert (await anna.ask("again"))["content"] == "echo: again"
        assert llm.active == 0
        assert llm.disconnects == 1


async def test_stop_reaches_a_turn_in_another_process_and_keeps_what_was_shown(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    llm.chunk_delay_s = 0.2
    async with (
        running(tmp_path / "w", valkey_url=valkey_url, model_url=llm.base_url, roles=frozenset({"worker"})),
        running(tmp_path / "g", valkey_url=valkey_url, model_url=llm.base_url, roles=frozenset({"gateway"})) as parley,
        visitor(parley) as anna,
    ):
        await anna.write("a long story that takes a while to tell, in many words")
        await anna.wait_for(lambda: anna.streamed.startswith("echo"))
        started = time.monotonic()
        await anna.write("/stop", kind="command")
        (text,) = await anna.until(1)
        assert time.monotonic() - started < 1
        assert text.startswith("echo")
        assert text.endswith("Stopped.")


async def test_stop_with_nothing_to_stop_says_so(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with running(tmp_path, valkey_url=valkey_url, model_url=llm.base_url) as parley, visitor(parley) as anna:
        assert "Nothing" in (await anna.ask("/stop"))["content"]


async def test_a_new_message_interrupts_where_the_assistant_is_set_so(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    plain = f"{PLAIN}while_busy: {{mode: interrupt}}\n"
    llm.script(silent(), say("quick answer"))
    async with (
        running(tmp_path, valkey_url=valkey_url, model_url=llm.base_url, assistants={"plain": plain}) as parley,
        visitor(parley) as anna,
    ):
        await anna.write("first")
        async with asyncio.timeout(5):
            while not llm.active:
                await asyncio.sleep(0.01)
        await anna.write("no, second")
        first, second = await anna.until(2)
        assert anna.answers[0]["outcome"] == "interrupted"
        assert second == "quick answer"
        assert "first" in str(llm.chats[1]["messages"]), "the model must know what the person said before"
        assert first


async def test_quick_messages_are_answered_as_one_where_the_assistant_is_set_so(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    plain = f"{PLAIN}while_busy: {{mode: merge, merge_wait_s: 0.4}}\n"
    async with (
        running(tmp_path, valkey_url=valkey_url, model_url=llm.base_url, assistants={"plain": plain}) as parley,
        visitor(parley) as anna,
    ):
        for text in ("please", "tell me", "the time"):
            await anna.write(text)
        assert await anna.until(1) == ["echo: please\ntell me\nthe time"]
        assert (await anna.ask("thanks"))["content"] == "echo: thanks"


async def test_the_model_is_told_what_was_said_before_and_new_forgets_it(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with running(tmp_path, valkey_url=valkey_url, model_url=llm.base_url) as parley, visitor(parley) as anna:
        await anna.ask("my name is Anna")
        await anna.ask("what is my name?")
        roles = [(message["role"], message["content"]) for message in llm.chats[1]["messages"][1:]]
        assert roles == [
            ("user", "my name is Anna"),
            ("assistant", "echo: my name is Anna"),
            ("user", "what is my name?"),
        ]
        assert "new conversation" in (await anna.ask("/new"))["content"]
        await anna.ask("what is my name?")
        assert "Anna" not in str(llm.chats[2]["messages"])


async def test_assistants_are_listed_and_chosen_per_conversation(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    pirate = "prompt: You are a pirate.\ndescription: Speaks like a pirate\nfollow_ups: {enabled: false}\n"
    files = {"plain": PLAIN, "pirate": pirate}
    settings = "default_assistant: plain\n"
    async with (
        running(tmp_path, valkey_url=valkey_url, model_url=llm.base_url, assistants=files, settings=settings) as parley,
        visitor(parley) as anna,
        visitor(parley) as boris,
    ):
        assert "Speaks like a pirate" in (await anna.ask("/assistants"))["content"]
        assert "pirate" in (await anna.ask("/use pirate"))["content"]
        await anna.ask("hello")
        await boris.ask("hello")
        systems = [chat["messages"][0]["content"] for chat in llm.chats]
        assert "pirate" in systems[0]
        assert "pirate" not in systems[1]
        wrong = await anna.ask("/use pirat")
        assert wrong["actions"] == [{"label": "pirate", "text": "/use pirate"}]


async def test_commands_are_answered_in_both_languages_and_a_typing_error_is_helped(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with running(tmp_path, valkey_url=valkey_url, model_url=llm.base_url) as parley, visitor(parley) as anna:
        english, chinese = await anna.ask("/help"), await anna.ask("/帮助")
        for command in ("/new", "/stop", "/whoami", "/status", "/assistants", "/use"):
            assert command in english["content"]
            assert command in chinese["content"]
        assert "停止正在生成的回答" in chinese["content"]
        assert "/status" in (await anna.ask("/statsu"))["content"]
        assert "web (default)" in (await anna.ask("/whoami"))["content"]
        assert "gpt-4o-mini" in (await anna.ask("/status"))["content"]
        assert not llm.chats


async def test_the_owner_code_makes_an_owner(tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator) -> None:
    async with running(tmp_path, valkey_url=valkey_url, model_url=llm.base_url) as parley, visitor(parley) as anna:
        code = await parley.app.access.owner_code()
        assert "wrong" in (await anna.ask("/claim ABCD"))["content"]
        assert "owner now" in (await anna.ask(f"/claim {code}"))["content"]
        assert "owner" in (await anna.ask("/whoami"))["content"]


async def test_a_failing_model_is_told_with_a_reference_and_the_next_message_works(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    settings = "models: {default: {retries: 0}}\n"
    llm.script(fail(500), fail(401), cut("half an ans"), say("fine"))
    async with (
        running(tmp_path, valkey_url=valkey_url, model_url=llm.base_url, settings=settings) as parley,
        visitor(parley) as anna,
    ):
        for text in ("one", "two", "three"):
            answer = await anna.ask(text)
            assert (answer["kind"], answer["outcome"]) == ("failure", "failed")
            assert "ref." in answer["content"]
        assert (await anna.ask("four"))["content"] == "fine"
        llm.assert_done()


async def test_a_turn_that_takes_too_long_is_ended_and_told(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    plain = f"{PLAIN}limits: {{turn_s: 0.5, input_characters: 100}}\n"
    llm.script(silent(), say("fine"))
    async with (
        running(tmp_path, valkey_url=valkey_url, model_url=llm.base_url, assistants={"plain": plain}) as parley,
        visitor(parley) as anna,
    ):
        assert "longer than" in (await anna.ask("slow"))["content"]
        assert "more than the limit of 100" in (await anna.ask("x" * 101))["content"]
        assert (await anna.ask("next"))["content"] == "fine"


async def test_what_is_forbidden_is_neither_asked_nor_shown(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    plain = f"""{PLAIN}
moderation:
  reply: We do not talk about that.
  input: [{{name: in, words: [secret project]}}]
  output: [{{name: out, action: block, words: [turtle]}}, {{name: soft, action: redact, words: [otter]}}]
"""
    llm.chunk_characters = 1
    llm.script(say("my otter sleeps"), say("I like the turtle a lot"))
    async with (
        running(tmp_path, valkey_url=valkey_url, model_url=llm.base_url, assistants={"plain": plain}) as parley,
        visitor(parley) as anna,
    ):
        blocked = await anna.ask("what is the S E C R E T project?")
        assert (blocked["content"], blocked["outcome"]) == ("We do not talk about that.", "blocked")
        assert (await anna.ask("hello"))["content"] == "my *** sleeps"
        assert "We do not talk about that." in (await anna.ask("hello again"))["content"]
        assert "tur" not in anna.streamed
        assert "ott" not in anna.streamed
        assert "S E C R E T" not in str(llm.chats)
        llm.assert_done()


async def test_follow_ups_come_after_the_answer_and_do_not_delay_it(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    plain = PLAIN.replace("{enabled: false}", "{enabled: true, count: 2}")
    llm.script(say("Paris."), say('["How big is it?", "Who lives there?"]', delay_s=0.5))
    async with (
        running(tmp_path, valkey_url=valkey_url, model_url=llm.base_url, assistants={"plain": plain}) as parley,
        visitor(parley) as anna,
    ):
        answer = await anna.ask("What is the capital of France?")
        assert not [entry for entry in anna.entries if entry.get("kind") == "suggestions"]
        await anna.wait_for(lambda: anna.entries[-1].get("kind") == "suggestions")
        assert anna.entries[-1]["suggestions"] == ["How big is it?", "Who lives there?"]
        assert anna.entries[-1]["amends"] == answer["id"]


async def test_a_running_turn_is_finished_before_the_process_ends(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    llm.delay_s = 0.5
    async with running(tmp_path, valkey_url=valkey_url, model_url=llm.base_url) as parley:
        anna = await parley.person()
        await anna.write("hello")
        await asyncio.sleep(0.2)
        await parley.app.drain()
        await anna.leave()
    llm.delay_s = 0
    async with running(tmp_path, valkey_url=valkey_url, model_url=llm.base_url) as parley:
        anna.url, later = parley.url, anna
        assert await redis.llen(f"parley:{{p0}}:in:queue:{later.conversation}") == 0
        assert len(llm.chats) == 1
