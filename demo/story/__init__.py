"""`didi demo --once`: a fixed story without a browser. Its strands run at the same time; each tells what it saw."""
