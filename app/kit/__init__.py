"""What every part stands on; it knows nothing of police work and imports no feature."""
