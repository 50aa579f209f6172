"""Which channels can be used here at all: what settings or a feature above has set up."""

from __future__ import annotations

from collections.abc import Callable

from app.kit.runtime import Runtime
from app.notices.tables import Channel
from app.settings import Template

Ready = Callable[[Runtime, str], bool]
"""Whether a channel carries notices of this kind here."""


def template_of(runtime: Runtime, channel: Channel, kind: str) -> Template | None:
    """The template by which a channel carries this kind: the kind's own, else the one for all (`*`)."""
    settings = runtime.settings
    by_kind = {
        Channel.TEMPLATE: settings.wechat_templates,
        Channel.SUBSCRIPTION: settings.miniprogram_templates,
    }.get(channel, {})
    return by_kind.get(kind) or by_kind.get("*")


READY: dict[Channel, Ready] = {
    Channel.OFFICIAL_ACCOUNT: lambda runtime, kind: True,
    Channel.TEMPLATE: lambda runtime, kind: template_of(runtime, Channel.TEMPLATE, kind) is not None,
    Channel.SUBSCRIPTION: lambda runtime, kind: template_of(runtime, Channel.SUBSCRIPTION, kind) is not None,
}


def register_ready(channel: Channel, ready: Ready) -> None:
    """Say when a channel can be used; one that nobody speaks for is left out."""
    READY[channel] = ready


def ready_channels(runtime: Runtime, kind: str) -> frozenset[Channel]:
    """The channels that carry this kind here. The socket is no part of it: it depends on the person."""
    return frozenset(channel for channel, ready in READY.items() if ready(runtime, kind))


def dropping_repeats(runtime: Runtime) -> frozenset[Channel]:
    """Channels that drop a repeat by its key, so that a doubtful send is simply made again."""
    templates = runtime.settings.wechat_templates.values()
    return frozenset() if any(t.notice for t in templates) else frozenset({Channel.TEMPLATE})


def is_lasting(runtime: Runtime, channel: Channel, template_id: str) -> bool | None:
    """Whether a template of ours is a long-term one; None when no kind uses it."""
    settings = runtime.settings
    templates = settings.wechat_templates if channel is Channel.TEMPLATE else settings.miniprogram_templates
    found = [t.lasting for t in templates.values() if t.id == template_id]
    return any(found) if found else None
