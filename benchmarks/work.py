"""A worker process for a benchmark, as `didi worker` runs it: settings from the environment."""

from __future__ import annotations

import uvloop

from app import worker_process
from app.kit.logging import set_up_logging
from app.settings import load_settings
from benchmarks.measure import pin

if __name__ == "__main__":
    pin(0)
    set_up_logging(json=True, level="ERROR")
    uvloop.run(worker_process.main(load_settings()))
