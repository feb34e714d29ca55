"""How the tables came to be. ``HEAD`` is the newest revision: a test compares it with the files.

To add one: change ``tables.py``, copy the newest file of ``versions/`` under the next number, write what must
be altered (``op.batch_alter_table``, which SQLite needs), and set ``HEAD``. ``tests/core/test_store.py``
says what is still missing.
"""

from __future__ import annotations

HEAD = "0007"
