"""The WeChat API, as far as it is simulated: one file per subject."""

from __future__ import annotations

from fastapi import FastAPI

from simulator.api import account, customer, login, media, menu, quota, subscription, template, ticket, token


def mount(app: FastAPI) -> None:
    """Add every endpoint to the application."""
    for subject in (token, ticket, quota, login, account, customer, media, menu, subscription, template):
        subject.mount(app)
