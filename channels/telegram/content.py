"""What a Telegram message contains: its words, its files, and what can only be described."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiogram.types import Animation, Audio, Contact, Document, Location, Message, PhotoSize, Video, VideoNote, Voice

from channels.types import Attachment, AttachmentKind

_File = Animation | Audio | Document | PhotoSize | Video | VideoNote | Voice


def attachments_of(message: Message) -> tuple[Attachment, ...]:
    """Return the files of a message; of a photo only its largest size."""
    if message.photo:
        largest = max(message.photo, key=lambda size: size.width * size.height)
        return (_attachment(largest, "image", "photo.jpg", "image/jpeg"),)
    if message.voice:
        return (_attachment(message.voice, "audio", "voice.ogg", "audio/ogg"),)
    if message.audio:
        return (_attachment(message.audio, "audio", "audio.mp3", "audio/mpeg"),)
    video = message.video or message.video_note or message.animation
    if video:
        return (_attachment(video, "video", "video.mp4", "video/mp4"),)
    if message.document:
        kind: AttachmentKind = "image" if (message.document.mime_type or "").startswith("image/") else "file"
        return (_attachment(message.document, kind, "file", "application/octet-stream"),)
    return ()


def description_of(message: Message, language: str | None) -> str:
    """Return words for what has no text of its own, such as `[location 31.23, 121.47]`; "" where there is none."""
    index = 0 if (language or "").startswith("zh") else 1
    for field, words, detail in _DESCRIBED:
        value = getattr(message, field)
        if value is not None:
            return f"[{words[index]} {detail(value)}]"
    return ""


def quoted_text(message: Message) -> str:
    """Return the text that the person replied to, or the piece of it that they quoted."""
    if message.quote:
        return message.quote.text
    replied = message.reply_to_message
    if replied is None or replied.forum_topic_created:
        return ""
    return replied.text or replied.caption or ""


def without_halves(text: str) -> str:
    """Return `text` with halves of surrogate pairs replaced: they cannot be stored as UTF-8."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _attachment(file: _File, kind: AttachmentKind, name: str, media_type: str) -> Attachment:
    return Attachment(
        id=file.file_id,
        kind=kind,
        name=without_halves(getattr(file, "file_name", None) or name),
        media_type=getattr(file, "mime_type", None) or media_type,
        size_bytes=getattr(file, "file_size", None),
    )


def _place(location: Location) -> str:
    return f"{location.latitude}, {location.longitude}"


def _full_name(contact: Contact) -> str:
    return " ".join(filter(None, (contact.first_name, contact.last_name)))


_DESCRIBED: tuple[tuple[str, tuple[str, str], Callable[[Any], str]], ...] = (
    ("sticker", ("贴纸", "sticker"), lambda sticker: sticker.emoji or "?"),
    ("venue", ("位置", "location"), lambda venue: f"{venue.title}, {venue.address}, {_place(venue.location)}"),
    ("location", ("位置", "location"), _place),
    ("contact", ("联系人", "contact"), lambda contact: f"{_full_name(contact)}, {contact.phone_number}"),
    ("poll", ("投票", "poll"), lambda poll: f"{poll.question}: {' / '.join(option.text for option in poll.options)}"),
    ("dice", ("骰子", "dice"), lambda dice: f"{dice.emoji} {dice.value}"),
)
"""A venue also carries its location, and comes first."""
