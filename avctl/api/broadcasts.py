"""Broadcasts: what is wanted of a programme, and what it is."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/api/v1/broadcasts", tags=["broadcasts"])
