"""What we compare ourselves with, run by the Python of .venv/bench: these files import nothing of ours."""
