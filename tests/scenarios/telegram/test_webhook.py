"""Updates by webhook: only from Telegram, and answered with 200 only once they are durable."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from redis.asyncio import Redis

from channels.base import Webhook, WebhookRequest
from channels.errors import BadRequest
from tests.contracts.channel_harness import StoreDown, TelegramHarness, eventually, telegram_harness

UPDATE = {
    "update_id": 5,
    "message": {
        "message_id": 1,
        "date": 1_700_000_000,
        "chat": {"id": 7, "type": "private", "first_name": "A"},
        "from": {"id": 7, "is_bot": False, "first_name": "A"},
        "text": "hi",
    },
}


@asynccontextmanager
async def web_server(bots: list[TelegramHarness]) -> AsyncIterator[str]:
    """Serve webhooks as `bot/web` does: errors become statuses."""

    async def serve(request: web.BaseRequest) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        given = WebhookRequest(method="POST", query={}, headers=headers, body=await request.read())
        try:
            answer = await bots[0].channel.handle(given)
        except BadRequest as error:
            return web.Response(status=error.status)
        except StoreDown:
            return web.Response(status=503)
        return web.Response(status=answer.status, body=answer.body)

    runner = web.ServerRunner(web.Server(serve), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def bot(redis: Redis, tmp_path: Path) -> AsyncIterator[TelegramHarness]:
    bots: list[TelegramHarness] = []
    async with (
        web_server(bots) as url,
        telegram_harness(redis, tmp_path, mode="webhook", public_url=url) as made,
    ):
        bots.append(made)
        await made.channel.start()
        yield made


def request(body: object, secret: str) -> WebhookRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WebhookRequest(method="POST", query={}, headers={"x-telegram-bot-api-secret-token": secret}, body=raw)


async def test_updates_arrive_in_order_and_are_accepted_once_durable(bot: TelegramHarness) -> None:
    assert isinstance(bot.channel, Webhook)
    updates = [bot.person.write(f"message {number}") for number in range(10)]
    await bot.inbox.receive(10)
    assert [message.text for message in bot.inbox.messages] == [f"message {number}" for number in range(10)]
    await eventually(lambda: bot.telegram.updates.accepted == set(updates))


async def test_what_could_not_be_stored_is_delivered_again(bot: TelegramHarness) -> None:
    bot.inbox.failures = 3
    update = bot.person.write("hi")
    assert (await bot.inbox.receive()).id == str(update)
    assert bot.inbox.calls == [str(update)] * 4


@pytest.mark.parametrize("secret", ["", "wrong", "错"])
async def test_a_request_without_the_secret_is_refused_and_nothing_is_delivered(
    bot: TelegramHarness, secret: str
) -> None:
    with pytest.raises(BadRequest) as caught:
        await bot.channel.handle(request(UPDATE, secret))
    assert caught.value.status == 403
    assert bot.inbox.messages == []


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[]", b"{broken"])
async def test_a_request_that_is_no_update_is_refused(bot: TelegramHarness, body: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        await bot.channel.handle(request(body, bot.telegram.updates.secret))
    assert caught.value.status == 400


async def test_an_update_that_cannot_be_read_is_accepted_so_that_it_does_not_come_forever(bot: TelegramHarness) -> None:
    bad = {"update_id": 9, "message": {"message_id": "x"}}
    answer = await bot.channel.handle(request(bad, bot.telegram.updates.secret))
    assert answer.status == 200
    assert bot.inbox.messages == []


async def test_a_process_that_was_not_started_serves_webhooks_too(bot: TelegramHarness) -> None:
    other = bot.another(mode="webhook")
    answer = await other.handle(request(UPDATE, bot.telegram.updates.secret))
    assert answer.status == 200
    assert (await bot.inbox.receive()).text == "hi"


async def test_the_secret_can_be_configured(redis: Redis, tmp_path: Path) -> None:
    async with telegram_harness(redis, tmp_path, mode="webhook", secret_token="a-test-value") as bot:
        assert (await bot.channel.handle(request(UPDATE, "a-test-value"))).status == 200


async def test_buttons_work_by_webhook(bot: TelegramHarness) -> None:
    from tests.scenarios.telegram.conftest import outbound, send

    await send(bot, outbound("Hi.", suggestions=("More?",)))
    bot.person.press("More?")
    assert (await bot.inbox.receive()).kind == "button"
    await eventually(lambda: bot.telegram.world.answered)


async def test_stopping_leaves_the_webhook_set_for_the_other_processes(bot: TelegramHarness) -> None:
    await bot.channel.stop()
    assert bot.telegram.updates.url
