"""The door of the Official Account: what WeChat says to us, and what we say to WeChat.

`guard` lets in only what WeChat signed and encrypted for us; `messages` turns it into typed
messages and our words into replies; `client` calls WeChat's API under one shared access token;
`errors` says what each refusal of that API means for us.

Invariants: nothing unsigned is decrypted, nothing that `guard` refused is parsed by wechatpy, and
no openid, text, coordinate, token or secret reaches a log or the text of an exception.
"""
