"""What a medium is, where it stands, and in which two forms it is kept."""

from __future__ import annotations

from enum import StrEnum


class MediaKind(StrEnum):
    """As WeChat names what was sent; what it really is the content says."""

    IMAGE = "image"
    VOICE = "voice"
    VIDEO = "video"
    SHORTVIDEO = "shortvideo"


class MediaState(StrEnum):
    """Where a medium stands."""

    WAITING = "waiting"  # to be fetched, or on its way
    READY = "ready"
    REFUSED = "refused"  # fetched, and not to be shown: the original is kept all the same
    LOST = "lost"  # WeChat has it no more, or it is larger than we take: there is nothing
    ERASING = "erasing"  # its key is gone, its files are about to be


class Variant(StrEnum):
    """The two forms of a medium."""

    SERVED = "served"  # made anew, without anything but picture and sound
    ORIGINAL = "original"  # byte for byte as it came, evidence


class Reason(StrEnum):
    """Why a medium is refused or lost."""

    WRONG_TYPE = "wrong_type"
    TOO_LARGE = "too_large"
    TOO_LONG = "too_long"
    CODEC = "codec"
    UNREADABLE = "unreadable"
    TOO_MUCH_WORK = "too_much_work"  # decoding took more time or memory than it may
    GONE = "gone"  # WeChat does not know it (40007)
    EXPIRED = "expired"  # not fetched within the days WeChat keeps it


class MediaEvent(StrEnum):
    """What became of a medium of a case."""

    READY = "case_media_ready"
    LOST = "case_media_lost"
