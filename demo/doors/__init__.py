"""The doors as clients see them: the simulated phone, the mini-program, the console. HTTP and WebSocket only."""
