"""Files that people send in the web chat. They belong to the conversation they were sent in, and to no other."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import AsyncIterable, Sequence

from channels.base import Uploads
from channels.errors import Refused, TooLarge
from channels.types import Attachment, AttachmentKind, Conversation, Upload

NAME_MAX = 120
SEPARATOR = "/"
"""Between the key of a conversation, which never holds one, and the id of the upload."""
KINDS: dict[str, AttachmentKind] = {"image": "image", "audio": "audio", "video": "video"}

# Controls, and marks that turn the direction of writing: "gpj.exe" must not look like "exe.jpg".
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


class WebFiles:
    """Takes in files, and finds them again when a message names them."""

    def __init__(self, uploads: Uploads) -> None:
        self._uploads = uploads

    async def receive(
        self, conversation: Conversation, name: str, pieces: AsyncIterable[bytes], *, size_max_bytes: int
    ) -> Attachment:
        """Store a file of the conversation as it comes in.

        Raises:
            TooLarge: it is larger than `size_max_bytes`.
            RateLimited: this person has stored too much within the hour.
            Unreachable: the store did not answer.
        """
        upload = await self._uploads.put(
            conversation.key, file_name(name), pieces, owner=conversation.chat, size_max_bytes=size_max_bytes
        )
        return _attachment(conversation, upload)

    async def attachments(self, conversation: Conversation, upload_ids: Sequence[str]) -> tuple[Attachment, ...]:
        """Return the files that a message of the conversation names; they are kept for another hour.

        Raises:
            Refused: the conversation has no such file (any more).
            Unreachable: the store did not answer.
        """
        found = []
        for upload_id in dict.fromkeys(upload_ids):
            upload = await self._uploads.find(conversation.key, upload_id)
            if upload is None:
                raise Refused("the conversation has no such file", channel=conversation.channel, code="gone")
            await self._uploads.keep(conversation.key, upload_id, owner=conversation.chat)
            found.append(_attachment(conversation, upload))
        return tuple(found)

    async def discard(self, conversation: Conversation, upload_id: str) -> None:
        """Forget a file that is not sent after all.

        Raises:
            Unreachable: the store did not answer.
        """
        await self._uploads.remove(conversation.key, upload_id, owner=conversation.chat)

    async def read(self, attachment: Attachment, *, size_max_bytes: int) -> bytes:
        """Return the bytes of an attachment.

        Raises:
            TooLarge: they are more than `size_max_bytes`.
            Refused: they are gone.
            Unreachable: the store did not answer.
        """
        key, _, upload_id = attachment.id.rpartition(SEPARATOR)
        upload = await self._uploads.find(key, upload_id)
        if upload is not None and upload.size_bytes > size_max_bytes:
            raise TooLarge(limit_bytes=size_max_bytes)
        content = await self._uploads.read(key, upload_id) if upload else None
        if content is None:
            raise Refused("the file is gone", code="gone")
        return content


def upload_id_of(attachment: Attachment) -> str:
    """Return the id by which the page names a file."""
    return attachment.id.rpartition(SEPARATOR)[2]


def file_name(given: str) -> str:
    """Return the last part of a name as a person may see it; the ending is kept when it is too long."""
    name = _UNSEEN.sub("", re.split(r"[/\\]", given)[-1]).strip()
    if len(name) > NAME_MAX:
        stem, dot, ending = name.rpartition(".")
        keep = NAME_MAX - len(dot + ending)
        name = stem[:keep] + dot + ending if stem and keep > 0 else name[:NAME_MAX]
    return name if name.strip(". ") else "file"


def _attachment(conversation: Conversation, upload: Upload) -> Attachment:
    media_type = mimetypes.guess_type(upload.name)[0] or "application/octet-stream"
    return Attachment(
        id=f"{conversation.key}{SEPARATOR}{upload.id}",
        kind=KINDS.get(media_type.partition("/")[0], "file"),
        name=upload.name,
        media_type=media_type,
        size_bytes=upload.size_bytes,
    )
