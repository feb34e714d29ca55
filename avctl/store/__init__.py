"""The record: tables, one function per question, migrations."""
