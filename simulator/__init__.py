"""WeChat without Tencent: its API, its signed callbacks, a chat page, and a control API to script it.

Knows nothing of what the account is for, and nothing of the code it serves: it speaks HTTP only.
State is in memory, under one event loop, and gone with the process.
"""
