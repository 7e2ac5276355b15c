"""Simulates the school at work: families apply, send documents, are notified."""

from __future__ import annotations

import psycopg

_APPLY = """
WITH applied AS (
    INSERT INTO applications (student_id, guardian_id, year, level_id, status, submitted_at)
    SELECT s.id, s.guardian_id, y.year, 1 + mod(s.id, (SELECT max(id) FROM school_levels)), 'enviada', now()
    FROM students s, (SELECT max(year) AS year FROM admission_years) y
    WHERE NOT EXISTS (SELECT FROM applications a WHERE a.student_id = s.id AND a.year = y.year)
    ORDER BY s.id DESC LIMIT %s
    RETURNING id, guardian_id, folio
), sent AS (
    INSERT INTO documents (application_id, kind, file_name, storage_key, size_bytes, sha256)
    SELECT id, 'certificado de nacimiento', 'certificado_nacimiento.pdf', gen_random_uuid(),
        20000 + mod(id, 90000), sha256(folio::bytea)
    FROM applied
), told AS (
    INSERT INTO notifications (user_id, application_id, channel, title, body, sent_at)
    SELECT g.user_id, a.id, 'correo', 'Recibimos su postulación',
        'Recibimos la postulación ' || a.folio || '. La revisaremos pronto.', now()
    FROM applied a JOIN guardians g ON g.id = a.guardian_id
)
INSERT INTO notifications (user_id, channel, title, body, sent_at)
SELECT id, 'correo', 'Resultado disponible', 'El calendario de entrevistas ya está en el portal.', now()
FROM users ORDER BY id LIMIT %s
"""


def live_on(conninfo: str, applications: int) -> None:
    """Add up to ``applications`` new applications, and notify as many people."""
    with psycopg.connect(conninfo) as connection:
        connection.execute(_APPLY, [applications, applications])
