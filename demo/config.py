"""Where the doors are and who the administrator is: read once from what `didi demo` prepared."""

from __future__ import annotations

import os
from dataclasses import dataclass

_NEEDED = ("DEMO_ADMIN", "DEMO_ADMIN_PASSWORD", "DEMO_ADMIN_TOTP", "DIDI_CONSOLE_ORIGIN")


class NotPrepared(Exception):
    """The demo cannot run here; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class DemoConfig:
    """Addresses without a slash at the end. `admin_totp` is an otpauth:// address."""

    port: int
    service: str
    simulator: str
    console_origin: str
    admin: str
    admin_password: str
    admin_totp: str

    @property
    def service_socket(self) -> str:
        """The service's address for WebSockets."""
        return self.service.replace("http", "ws", 1)


def read_config(port: int) -> DemoConfig:
    """The configuration for the page's port; the service is one port above, the simulator two.

    Raises:
        NotPrepared: this is production, or `didi demo` did not start this process.
    """
    if os.environ.get("DIDI_ENV") == "production":
        raise NotPrepared(
            "DIDI_ENV=production: the demo acts as invented people and does not run in production"
        )
    missing = [name for name in _NEEDED if not os.environ.get(name)]
    if missing:
        raise NotPrepared(
            f"{', '.join(missing)} not set: start the demo with `didi demo`, which prepares them"
        )
    return DemoConfig(
        port=port,
        service=f"http://127.0.0.1:{port + 1}",
        simulator=f"http://127.0.0.1:{port + 2}",
        console_origin=os.environ["DIDI_CONSOLE_ORIGIN"].rstrip("/"),
        admin=os.environ["DEMO_ADMIN"],
        admin_password=os.environ["DEMO_ADMIN_PASSWORD"],
        admin_totp=os.environ["DEMO_ADMIN_TOTP"],
    )
