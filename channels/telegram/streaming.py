"""Show turns while they run: typing, and the text so far.

In private chats the text is a draft, which vanishes by itself when the answer is sent. In groups, and where drafts are
refused, it is a message that is edited now and then and finally becomes the answer; its id is kept durably, so that
another process edits it too instead of answering twice. Before there is any text, what the bot is doing stands there.
Sources: https://core.telegram.org/bots/api#sendmessagedraft, https://core.telegram.org/bots/api#sendchataction
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict

import structlog
from aiogram.methods import SendChatAction, SendMessageDraft

from channels.base import State
from channels.errors import ChannelError, RateLimited, Refused, Unauthorized
from channels.telegram.api import EditMessageText, SendMessage, TelegramApi
from channels.telegram.live import LiveTurn
from channels.telegram.requests import NO_PREVIEW, reply_parameters
from channels.telegram.tempo import Tempo
from channels.types import Conversation, Progress

log = structlog.get_logger()

TURNS_MAX = 5000
_CALL_TIMEOUT_S = 10
_KEPT_S = 86400.0


class Streamer:
    """The running turns of one bot."""

    def __init__(self, api: TelegramApi, state: State, tempo: Tempo, *, text: bool) -> None:
        self._api = api
        self._state = state
        self._text = text
        self._tempo = tempo
        self._drafts = True
        self._turns: OrderedDict[str, LiveTurn] = OrderedDict()

    def note(self, progress: Progress) -> None:
        """Take in a sign of life; a task of the turn's own shows it, at its own pace."""
        turn = self._turns.get(progress.turn)
        if progress.kind == "ended":
            if turn is not None:
                turn.close()
            return
        if turn is None:
            turn = LiveTurn(progress.turn, progress.conversation, progress.in_reply_to)
            turn.timer = asyncio.get_running_loop().call_later(self._tempo.grace_s, self._begin, turn)
            self._remember(turn)
        if self._text or progress.kind == "started":
            turn.note(progress)

    async def finish(self, turn_id: str, conversation: Conversation) -> int | None:
        """Show nothing more of a turn; return the id of the message that its answer is to replace.

        Returns only when no request is under way any more: a late draft would stand below the answer.
        """
        turn = self._turns.get(turn_id)
        if turn is None:
            turn = LiveTurn(turn_id, conversation, None)
            self._remember(turn)
        turn.close()
        if turn.task is not None and not turn.task.done():
            await asyncio.wait({turn.task})
        if self._text and not self._uses_draft(turn):
            await self._look_up(turn)
        return turn.message_id

    async def stop(self) -> None:
        """Show nothing more of any turn."""
        for turn in self._turns.values():
            turn.close()
        tasks = [turn.task for turn in self._turns.values() if turn.task is not None and not turn.task.done()]
        if tasks:
            await asyncio.wait(tasks)

    def _remember(self, turn: LiveTurn) -> None:
        self._turns[turn.id] = turn
        if len(self._turns) > TURNS_MAX:
            _, oldest = self._turns.popitem(last=False)
            oldest.close()

    def _begin(self, turn: LiveTurn) -> None:
        turn.task = asyncio.create_task(self._run(turn))

    async def _run(self, turn: LiveTurn) -> None:
        while not turn.closed and time.monotonic() < turn.heard_at + self._tempo.silence_max_s:
            try:
                await self._show(turn)
            except RateLimited as error:
                turn.pause(error.retry_after_s)
            except (Refused, Unauthorized) as error:
                if not self._may_go_on(turn, error):
                    log.debug("telegram.streaming_refused", turn=turn.id, code=error.code, error=str(error))
                    return
            except ChannelError as error:
                log.debug("telegram.streaming_failed", turn=turn.id, code=error.code)
                turn.pause(self._tempo.typing_s)
            await turn.wait(self._tempo.draft_renew_s if self._uses_draft(turn) else None)

    async def _show(self, turn: LiveTurn) -> None:
        now = time.monotonic()
        turn.resume(now)
        if self._text and now >= turn.show_at and (turn.news or self._is_fading(turn, now)):
            await self._show_text(turn)
        if now >= turn.type_at and not turn.closed:
            turn.type_at = now + self._tempo.typing_s
            action = SendChatAction(chat_id=turn.chat, action="typing", message_thread_id=turn.thread)
            await self._api.call(action, timeout_s=_CALL_TIMEOUT_S)

    def _is_fading(self, turn: LiveTurn, now: float) -> bool:
        return self._uses_draft(turn) and bool(turn.shown) and now >= turn.shown_at + self._tempo.draft_renew_s

    async def _show_text(self, turn: LiveTurn) -> None:
        draft = self._uses_draft(turn)
        turn.news = False
        if not draft and turn.names_step and turn.message_id is None and turn.postpone(self._tempo.step_s):
            return
        html = turn.draft() if draft else turn.message()
        if not html or (html == turn.shown and not draft):
            return
        if draft:
            await self._draft(turn, html)
        else:
            await self._message(turn, html)
        turn.shown = html
        turn.shown_at = time.monotonic()
        turn.type_at = turn.shown_at + self._tempo.typing_s
        turn.show_at = turn.shown_at + self._interval(turn)

    async def _draft(self, turn: LiveTurn, html: str) -> None:
        request = SendMessageDraft(
            chat_id=turn.chat,
            draft_id=turn.draft_id,
            text=html,
            parse_mode="HTML",
            message_thread_id=turn.thread,
            can_stop=True,
        )
        await self._api.call(request, timeout_s=_CALL_TIMEOUT_S)

    async def _message(self, turn: LiveTurn, html: str) -> None:
        await self._look_up(turn)
        if turn.message_id is None:
            request = SendMessage(
                chat_id=turn.chat,
                text=html,
                parse_mode="HTML",
                message_thread_id=turn.thread,
                reply_parameters=reply_parameters(turn.chat, turn.reply_to),
                link_preview_options=NO_PREVIEW,
            )
            sent = await self._api.call(request, timeout_s=_CALL_TIMEOUT_S)
            turn.message_id = sent.message_id
            await self._state.set(_key(turn.id), str(turn.message_id), ttl_s=_KEPT_S)
            return
        turn.edits += 1
        edit = EditMessageText(
            chat_id=turn.chat,
            message_id=turn.message_id,
            text=html,
            parse_mode="HTML",
            link_preview_options=NO_PREVIEW,
        )
        await self._api.call(edit, timeout_s=_CALL_TIMEOUT_S)

    async def _look_up(self, turn: LiveTurn) -> None:
        """Find the message that another process, or this one before a restart, has begun for the turn."""
        if turn.message_id is None and not turn.looked_up:
            stored = await self._state.get(_key(turn.id))
            turn.message_id = None if stored is None else int(stored)
            turn.looked_up = True

    def _may_go_on(self, turn: LiveTurn, error: ChannelError) -> bool:
        """Fall back to an edited message where Telegram has no drafts: an older server, or some bots' private chats."""
        if "message is not modified" in str(error):
            return True
        if not self._uses_draft(turn) or ("TEXTDRAFT" not in str(error) and error.code != "404"):
            return False
        log.info("telegram.no_drafts", error=str(error))
        self._drafts = False
        turn.news = True
        return True

    def _uses_draft(self, turn: LiveTurn) -> bool:
        return self._drafts and turn.chat > 0

    def _interval(self, turn: LiveTurn) -> float:
        if turn.chat > 0:
            return self._tempo.draft_s if self._drafts else self._tempo.private_edit_s
        early = turn.edits < self._tempo.early_edits
        return self._tempo.group_edit_s if early else self._tempo.later_group_edit_s


def _key(turn_id: str) -> str:
    return f"live:{turn_id}"
