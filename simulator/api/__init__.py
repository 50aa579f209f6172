"""The WeChat API, as far as it is simulated: one file per subject."""

from __future__ import annotations

from fastapi import FastAPI

from simulator.api import (
    account,
    checks,
    conditional_menu,
    customer,
    links,
    login,
    media,
    menu,
    oauth,
    phone_number,
    qrcode,
    quota,
    subscription,
    tags,
    template,
    ticket,
    token,
)

_SUBJECTS = (
    token,
    ticket,
    quota,
    login,
    account,
    tags,
    qrcode,
    customer,
    media,
    menu,
    conditional_menu,
    subscription,
    template,
    phone_number,
    links,
    checks,
    oauth,
)


def mount(app: FastAPI) -> None:
    """Add every endpoint to the application."""
    for subject in _SUBJECTS:
        subject.mount(app)
