"""Broadcasts that encode nothing: what the hall's encoder made is passed on, slates are joined to it."""
