"""A script's subscription is made without slot and connection, however it is written."""

from __future__ import annotations

import pytest

from mtn_tui.postgres.subscriptions import unattached

NEVER = b" WITH (connect = false, slot_name = NONE"
MADE = b"CREATE SUBSCRIPTION nightly CONNECTION 'host=h password=x' PUBLICATION p1, p2"


@pytest.mark.parametrize(
    ("written", "made"),
    [
        (MADE + b" WITH (connect = false, slot_name = 'nightly')", MADE + NEVER + b")"),
        (
            MADE + b" WITH (connect = false, slot_name = 'a', binary = true, streaming = parallel)",
            MADE + NEVER + b", binary = true, streaming = parallel)",
        ),
        (
            MADE + b" WITH (enabled, create_slot = true, copy_data=on, origin = 'a, b')",
            MADE + NEVER + b", origin = 'a, b')",
        ),
        (MADE, MADE + NEVER + b")"),
        (
            b"CREATE SUBSCRIPTION \" WITH (connect = true)\" CONNECTION 'it''s WITH (x)' PUBLICATION p",
            b"CREATE SUBSCRIPTION \" WITH (connect = true)\" CONNECTION 'it''s WITH (x)' PUBLICATION p"
            + NEVER
            + b")",
        ),
        (b"ALTER SUBSCRIPTION nightly OWNER TO admin", b"ALTER SUBSCRIPTION nightly OWNER TO admin"),
        (b"ALTER SUBSCRIPTION nightly ENABLE", b""),
        (b"ALTER SUBSCRIPTION \"x OWNER TO y\" SET (slot_name = 'x')", b""),
        (b"ALTER SUBSCRIPTION nightly REFRESH PUBLICATION", b""),
        (b"CREATE TABLE subscription ()", b"CREATE TABLE subscription ()"),
    ],
)
def test_what_is_made_has_no_slot_and_no_connection(written, made):
    assert unattached(written) == made
    assert unattached(made) == made
