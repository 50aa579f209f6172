"""What the media of a case may be refused with."""

from __future__ import annotations

from app.kit.errors import NotFound, Unavailable


class MediaNotFound(NotFound):
    """No such medium, not yet there, or a link that is over or somebody else's: nobody can tell which."""

    code = "media_not_found"
    message = "没有找到该文件，或链接已失效，请重新打开"
    message_en = "No such file, or its link is over: ask for a new one"


class MediaUnreadable(Unavailable):
    """The store does not answer, or gave other bytes than were put there."""

    code = "media_unreadable"
    message = "文件暂时无法读取，请稍后再试"
    message_en = "The file cannot be read just now, try again; an operator finds why in the log"
