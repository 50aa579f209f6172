"""Phone numbers: what the mini-program's button gives, by a code that works once."""

from __future__ import annotations

from fastapi import FastAPI

from simulator.api.wire import MINI_PROGRAM, Answer, Call, endpoint, read_json
from simulator.errors import refusal


def mount(app: FastAPI) -> None:
    """Add it."""
    path = "/wxa/business/getuserphonenumber"
    endpoint(app, "POST", path, post_phone_number, accounts=MINI_PROGRAM)


async def post_phone_number(call: Call) -> Answer:
    """The number of whom this code is of; not the code of `wx.login`. Each success is paid for."""
    value = read_json(call).get("code")
    if not value:
        raise refusal(41008)
    now = call.world.clock.now()
    code = call.world.phone_codes.get(str(value))
    if code is None or code.used or code.ends_at <= now:
        raise refusal(40029)
    code.used = True
    call.owner.paid_numbers += 1
    number = code.user.phone
    return {
        "errcode": 0,
        "errmsg": "ok",
        "phone_info": {
            "phoneNumber": number,
            "purePhoneNumber": number,
            "countryCode": "86",
            "watermark": {"timestamp": int(now), "appid": call.owner.app_id},
        },
    }
