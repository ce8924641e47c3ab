"""The floor: what one writes in an afternoon with aiogram and the OpenAI SDK.

No memory, no order, no durability, no moderation. Everything Parley adds is measured against it.
"""

from __future__ import annotations

import asyncio
import os

import uvloop
from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import Message
from openai import AsyncOpenAI

PROMPT = "You are a helpful assistant."


async def main() -> None:
    server = TelegramAPIServer.from_base(os.environ["TELEGRAM_API_BASE"])
    bot = Bot(os.environ["TELEGRAM_BOT_TOKEN"], session=AiohttpSession(api=server))
    model = AsyncOpenAI()
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def answer(message: Message) -> None:
        messages = [{"role": "system", "content": PROMPT}, {"role": "user", "content": message.text or ""}]
        reply = await model.chat.completions.create(model="gpt-4o-mini", messages=messages)  # type: ignore[arg-type]
        await message.answer(reply.choices[0].message.content or "")

    await dispatcher.start_polling(bot)


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(main())
