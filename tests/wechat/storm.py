"""One process of a storm: `python -m tests.wechat.storm VALKEY_URL API_BASE APP_ID SECRET CALLS`.

Says "ready" once it has the shared token, waits for a line, then makes all its calls at once under that token and
prints how many succeeded.
"""

from __future__ import annotations

import asyncio
import sys

from app.kit.valkey import connect
from wechat.client import Account, TokenStore, WeChatClient, open_http

QUOTA = {"cgi_path": "/cgi-bin/message/custom/send"}


async def main(valkey_url: str, base: str, app_id: str, secret: str, calls: int) -> None:
    """Hold the token, then call with it when told."""
    valkey, account = connect(valkey_url), Account(app_id, secret)
    async with open_http(base) as http:
        tokens = TokenStore(http, account, valkey)
        client = WeChatClient(http, account, tokens)
        await tokens.get()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        made = (client.call("quota", "POST", "/cgi-bin/openapi/quota/get", json=QUOTA) for _ in range(calls))
        outcomes = await asyncio.gather(*made, return_exceptions=True)
        for problem in {repr(o) for o in outcomes if isinstance(o, BaseException)}:
            print(problem, file=sys.stderr)
        print(sum(isinstance(o, dict) for o in outcomes), flush=True)
    await valkey.aclose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5], int(sys.argv[5])))
