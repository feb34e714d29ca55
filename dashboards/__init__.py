"""The pages: they show what is known and decide nothing."""
