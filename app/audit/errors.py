"""What the audit log refuses."""

from __future__ import annotations

from app.kit.errors import Invalid


class PurposeMissing(Invalid):
    """Personal data is looked at for a stated purpose, 2 to 200 characters long."""

    code = "purpose_missing"
    message = "请填写查看事由（2至200字）"
    message_en = "State the purpose in 2 to 200 characters"
