"""The core: it knows police work and knows no client."""
