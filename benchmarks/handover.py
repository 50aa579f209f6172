from app.settings import Settings


async def run(settings: Settings, seconds: float) -> None: ...
