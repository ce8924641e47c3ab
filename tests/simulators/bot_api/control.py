"""Driving the simulator over HTTP, by hand or from a load generator.

POST /_sim/message   {"user", "text", "chat"?, "language"?}, or a list of them → {"update_ids"}
POST /_sim/press     {"user", "label", "chat"?}                               → {"update_id"}
POST /_sim/fault     the fields of `Fault`                                    → {}
GET  /_sim/chat/ID                                                            → what a person sees there
GET  /_sim/events?after=N&wait=S                                              → {"events", "seq"}: what the bot sent
                                             and edited since event N; waits S seconds for the next one
GET  /_sim/state                                                              → updates, and calls by method
"""

from __future__ import annotations

import json
import time
from itertools import islice
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.simulators.bot_api.faults import Fault
from tests.simulators.bot_api.world import Chat

if TYPE_CHECKING:
    from tests.simulators.telegram import TelegramSimulator


class Control:
    def __init__(self, simulator: TelegramSimulator) -> None:
        self._simulator = simulator

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = json.loads(await request.read()) if request.method == "POST" else None
        match request.path.strip("/").split("/"):
            case ["_sim", "message"]:
                items = body if isinstance(body, list) else [body]
                return web.json_response({"update_ids": [self._write(item) for item in items]})
            case ["_sim", "press"]:
                person = self._simulator.person(body["user"])
                return web.json_response({"update_id": person.press(body["label"], self._chat(body))})
            case ["_sim", "fault"]:
                self._simulator.faults.add(Fault(**body))
                return web.json_response({})
            case ["_sim", "chat", chat_id]:
                return web.json_response(_transcript(self._simulator.world.chats[int(chat_id)]))
            case ["_sim", "events"]:
                return web.json_response(await self._events(request))
            case ["_sim", "state"]:
                return web.json_response(self._state())
        return web.json_response({"error": "no such path"}, status=404)

    def _write(self, item: dict[str, Any]) -> int:
        person = self._simulator.person(item["user"], language=item.get("language", "en"))
        return person.write(item["text"], self._chat(item))

    def _chat(self, item: dict[str, Any]) -> Chat | None:
        chat_id = item.get("chat")
        if chat_id is None or chat_id > 0:
            return None
        return self._simulator.group(chat_id)

    async def _events(self, request: web.BaseRequest) -> dict[str, Any]:
        after = int(request.query.get("after", 0))
        deadline = time.monotonic() + min(60.0, float(request.query.get("wait", 0)))
        world = self._simulator.world
        while world.sequence <= after and (left := deadline - time.monotonic()) > 0:
            await world.watched.change(left)
        newest = list(islice(reversed(world.events), max(0, world.sequence - after)))
        return {"events": newest[::-1], "seq": world.sequence}

    def _state(self) -> dict[str, Any]:
        updates = self._simulator.updates
        return {
            "pending": updates.pending,
            "confirmed_below": updates.confirmed_below,
            "accepted": len(updates.accepted),
            "calls": dict(self._simulator.server.counts),
            "flood_refusals": self._simulator.api.flood.refusals,
        }


def _transcript(chat: Chat) -> dict[str, Any]:
    messages = [
        {
            "id": message.id,
            "from": message.sender or "bot",
            "text": message.text,
            "buttons": message.labels,
            "reply_to": message.reply_to,
            "edits": len(message.edits),
        }
        for message in chat.messages.values()
    ]
    return {"messages": messages, "draft": chat.draft, "typing": chat.typing}
