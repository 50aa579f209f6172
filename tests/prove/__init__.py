"""The long proofs: promises measured at full size, under kills and wrong clocks. `python -m tests.prove`."""
