"""Each figure against its anchor, measured in the same run: `python -m benchmarks [names] [--seconds N]`."""
