"""Plain data that decides and evolves; imports nothing that opens a socket or a file."""
