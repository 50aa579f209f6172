"""`python -m simulator`: serve a simulated WeChat on one port."""

from __future__ import annotations

import argparse
import sys

import uvicorn

from simulator.config import Form, Mode, SimulatorConfig
from simulator.main import NotInProduction, create_simulator


def main() -> None:
    """Read the arguments, refuse what cannot work, serve until stopped."""
    given = _arguments().parse_args()
    centre = tuple(float(part) for part in given.centre.split(","))
    try:
        config = SimulatorConfig(
            app_id=given.app_id,
            app_secret=given.app_secret,
            original_id=given.original_id,
            mp_app_id=given.mp_app_id,
            mp_app_secret=given.mp_app_secret,
            callback_url=given.callback,
            token=given.token,
            aes_key=given.aes_key,
            mode=Mode(given.mode),
            mp_callback_url=given.mp_callback,
            mp_form=Form(given.mp_form),
            account_name=given.name,
            public_url=given.public_url or f"http://localhost:{given.port}",
            sketch_map=given.sketch_map,
            centre=(centre[0], centre[1]),
        )
        app = create_simulator(config)
    except (ValueError, NotInProduction) as refused:
        sys.exit(f"simulator: {refused}")
    # No access log: tokens and codes stand in the addresses.
    uvicorn.run(app, host=given.host, port=given.port, access_log=False, log_level="warning")


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulator", description="WeChat without Tencent")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine)")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--callback", required=True, help="where callbacks go, http://host:port/path")
    parser.add_argument("--token", required=True, help="callback token, 3 to 32 letters or digits")
    parser.add_argument("--aes-key", required=True, help="EncodingAESKey, 43 letters or digits")
    parser.add_argument("--app-id", required=True, help="the Official Account's")
    parser.add_argument("--app-secret", required=True)
    parser.add_argument("--original-id", default="gh_0123456789ab", help="the Official Account's gh_ id")
    parser.add_argument("--mp-app-id", required=True, help="the mini-program's")
    parser.add_argument("--mp-app-secret", required=True)
    parser.add_argument("--mode", choices=[mode.value for mode in Mode], default=Mode.SECURE.value)
    parser.add_argument("--mp-callback", help="where the mini-program's pushes go (default: nowhere)")
    parser.add_argument("--mp-form", choices=[form.value for form in Form], default=Form.JSON.value)
    parser.add_argument("--name", default="演示公众号", help="what the account is called in the chat")
    parser.add_argument("--public-url", help="how others reach this simulator (default: localhost)")
    parser.add_argument("--sketch-map", help="path or http(s) address of a GeoJSON in WGS-84")
    parser.add_argument("--centre", default="32.0603,118.7969", help="lat,lng where the map begins")
    return parser


if __name__ == "__main__":
    main()
