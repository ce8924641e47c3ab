"""The simulated Telegram is as strict as the real one, whatever client calls it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.simulators.telegram import Allowance, TelegramSimulator


class Client:
    def __init__(self, http: aiohttp.ClientSession, telegram: TelegramSimulator) -> None:
        self._http = http
        self.telegram = telegram

    async def __call__(self, method: str, token: str = "", **params: Any) -> Any:
        url = f"{self.telegram.api_base}/bot{token or self.telegram.token}/{method}"
        async with self._http.post(url, json=params) as answer:
            data = await answer.json()
            return data["result"] if data["ok"] else f"{answer.status} {data['description']}"

    async def get(self, path: str) -> Any:
        async with self._http.get(f"{self.telegram.api_base}{path}") as answer:
            return await answer.json()

    async def post(self, path: str, body: Any) -> Any:
        async with self._http.post(f"{self.telegram.api_base}{path}", json=body) as answer:
            return await answer.json()


@pytest.fixture
async def call() -> AsyncIterator[Client]:
    async with TelegramSimulator() as telegram, aiohttp.ClientSession() as http:
        telegram.person(7)
        yield Client(http, telegram)


async def test_tokens_are_checked(call: Client) -> None:
    assert await call("getMe", token="42:other") == "401 Unauthorized"
    assert await call("getMe", token="nonsense") == "404 Not Found"
    assert await call("getEverything") == "404 Not Found: method not found"
    assert (await call("getMe"))["username"] == call.telegram.username


async def test_an_update_comes_until_a_higher_offset_confirms_it(call: Client) -> None:
    person = call.telegram.person(7)
    first, second = person.write("one"), person.write("two")
    for _ in range(2):
        assert [update["update_id"] for update in await call("getUpdates")] == [first, second]
    assert [update["update_id"] for update in await call("getUpdates", offset=second)] == [second]
    assert call.telegram.updates.is_confirmed(first)
    assert not call.telegram.updates.is_confirmed(second)
    assert await call("getUpdates", offset=second + 1) == []


async def test_a_negative_offset_forgets_all_but_the_last(call: Client) -> None:
    ids = [call.telegram.person(7).write(str(number)) for number in range(5)]
    assert [update["update_id"] for update in await call("getUpdates", offset=-2)] == ids[-2:]


async def test_long_polling_returns_as_soon_as_there_is_something(call: Client) -> None:
    poll = asyncio.create_task(call("getUpdates", timeout=10))
    await asyncio.sleep(0.05)
    call.telegram.person(7).write("now")
    assert len(await asyncio.wait_for(poll, 1)) == 1


async def test_of_two_pollers_the_older_gets_a_conflict(call: Client) -> None:
    older = asyncio.create_task(call("getUpdates", timeout=10))
    await asyncio.sleep(0.05)
    newer = asyncio.create_task(call("getUpdates", timeout=0))
    assert (await older).startswith("409 Conflict: terminated by other getUpdates request")
    assert await newer == []


async def test_no_polling_beside_a_webhook(call: Client) -> None:
    assert (await call("setWebhook", url="http://example.com")).startswith("400 Bad Request: bad webhook")
    await call("setWebhook", url="http://127.0.0.1:9/")
    assert (await call("getUpdates")).startswith("409 Conflict: can't use getUpdates method while webhook is active")
    assert (await call("getWebhookInfo"))["url"] == "http://127.0.0.1:9/"
    await call("deleteWebhook")
    assert await call("getUpdates") == []


async def test_only_wanted_kinds_of_updates_are_kept(call: Client) -> None:
    await call("getUpdates", allowed_updates=["callback_query"])
    call.telegram.person(7).write("unwanted")
    assert await call("getUpdates") == []


def keyboard(**button: str) -> dict[str, Any]:
    return {"inline_keyboard": [[button]]}


@pytest.mark.parametrize(
    ("params", "refusal"),
    [
        ({"chat_id": 99, "text": "x"}, "chat not found"),
        ({"text": "x"}, "chat_id is not specified"),
        ({"chat_id": 7}, "message text is empty"),
        ({"chat_id": 7, "text": " \n "}, "message text is empty"),
        ({"chat_id": 7, "text": "<b></b>", "parse_mode": "HTML"}, "message text is empty"),
        ({"chat_id": 7, "text": "x" * 4097}, "message is too long"),
        ({"chat_id": 7, "text": "😀" * 2049}, "message is too long"),
        ({"chat_id": 7, "text": "<b>x", "parse_mode": "HTML"}, "can't parse entities: Can't find end tag"),
        ({"chat_id": 7, "text": "x", "parse_mode": "Markdown"}, "unsupported parse_mode"),
        ({"chat_id": 7, "text": "x", "message_thread_id": 3}, "message thread not found"),
        ({"chat_id": 7, "text": "x", "reply_parameters": {"message_id": 5}}, "message to be replied not found"),
        (
            {"chat_id": 7, "text": "x", "reply_markup": keyboard(text="x", callback_data="你" * 22)},
            "BUTTON_DATA_INVALID",
        ),
        ({"chat_id": 7, "text": "x", "reply_markup": keyboard(text="x")}, "can't parse inline keyboard button"),
        ({"chat_id": 7, "text": "x", "reply_markup": keyboard(text=" ", callback_data="x")}, "can't parse inline"),
    ],
)
async def test_messages_are_checked(call: Client, params: dict[str, Any], refusal: str) -> None:
    assert (await call("sendMessage", **params)).startswith(f"400 Bad Request: {refusal}")
    assert call.telegram.person(7).chat.answers == []


async def test_the_length_counts_after_entities_were_parsed(call: Client) -> None:
    text = "<b>" + "&amp;" * 4096 + "</b>"
    assert (await call("sendMessage", chat_id=7, text=text, parse_mode="HTML"))["text"] == "&" * 4096


async def test_edits_are_checked(call: Client) -> None:
    sent = await call("sendMessage", chat_id=7, text="one")
    where = {"chat_id": 7, "message_id": sent["message_id"]}
    assert (await call("editMessageText", **where, text="two"))["text"] == "two"
    assert (await call("editMessageText", **where, text="two")).startswith("400 Bad Request: message is not modified")
    assert (await call("editMessageText", chat_id=7, message_id=99, text="x")).endswith("message to edit not found")
    call.telegram.person(7).write("mine")
    mine = list(call.telegram.person(7).chat.messages)[-1]
    assert (await call("editMessageText", chat_id=7, message_id=mine, text="x")).endswith("message can't be edited")


async def test_drafts_are_for_private_chats_and_vanish_with_a_message(call: Client) -> None:
    call.telegram.group(-1001)
    chat = call.telegram.person(7).chat
    assert (await call("sendMessageDraft", chat_id=-1001, draft_id=1, text="x")).endswith("TEXTDRAFT_PEER_INVALID")
    assert (await call("sendMessageDraft", chat_id=7, draft_id=0, text="x")).endswith("TEXTDRAFT_ID_INVALID")
    assert await call("sendMessageDraft", chat_id=7, draft_id=1, text="so far") is True
    assert chat.draft == "so far"
    await call("sendMessage", chat_id=7, text="whole")
    assert chat.draft is None


async def test_a_callback_is_answered_once(call: Client) -> None:
    await call("sendMessage", chat_id=7, text="x", reply_markup=keyboard(text="Go", callback_data="go"))
    call.telegram.person(7).press("Go")
    [update] = await call("getUpdates")
    query = update["callback_query"]["id"]
    assert await call("answerCallbackQuery", callback_query_id=query) is True
    assert (await call("answerCallbackQuery", callback_query_id=query)).startswith("400 Bad Request: query is too old")


async def test_flood_control_names_the_wait_and_means_it(call: Client) -> None:
    call.telegram.limit(private=Allowance(2, 0.2))
    outcomes = [await call("sendMessage", chat_id=7, text=str(number)) for number in range(4)]
    assert outcomes[2:] == ["429 Too Many Requests: retry after 1"] * 2
    await asyncio.sleep(1.05)
    assert (await call("sendMessage", chat_id=7, text="again"))["text"] == "again"


async def test_in_groups_privacy_mode_keeps_talk_among_people_back(call: Client) -> None:
    group, person = call.telegram.group(), call.telegram.person(7)
    assert person.write("just talking", group) == 0
    ids = [person.write("/help", group), person.write(f"@{call.telegram.username} hi", group)]
    assert [update["update_id"] for update in await call("getUpdates")] == ids


async def test_it_can_be_driven_over_http(call: Client) -> None:
    sent = await call.post("/_sim/message", [{"user": 8, "text": "hi"}, {"user": 8, "text": "/x", "chat": -1001}])
    assert [update["update_id"] for update in await call("getUpdates")] == sent["update_ids"]
    waiting = asyncio.create_task(call.get("/_sim/events?after=0&wait=5"))
    await call("sendMessage", chat_id=8, text="hello", reply_markup=keyboard(text="Go", callback_data="go"))
    events = (await waiting)["events"]
    assert [(event["kind"], event["chat"], event["text"]) for event in events] == [("sent", 8, "hello")]
    assert (await call.post("/_sim/press", {"user": 8, "label": "Go"}))["update_id"] > sent["update_ids"][-1]
    seen = (await call.get("/_sim/chat/8"))["messages"]
    assert [(message["from"], message["text"]) for message in seen] == [(8, "hi"), ("bot", "hello")]
    await call.post("/_sim/fault", {"method": "sendMessage", "status": 500})
    assert (await call("sendMessage", chat_id=8, text="x")).startswith("500")
    state = await call.get("/_sim/state")
    assert state["pending"] == 3
    assert state["calls"]["sendmessage"] == 2
