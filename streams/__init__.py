"""The broadcast: a programme in its own process, and the controller's side of it."""
