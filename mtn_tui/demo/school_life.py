"""Simulates the school at work: families apply, send documents, are notified; staff interview and decide."""

from __future__ import annotations

import psycopg

_FREE = """
    SELECT s.id FROM students s, (SELECT max(year) AS year FROM admission_years) y
    WHERE NOT EXISTS (SELECT FROM applications a WHERE a.student_id = s.id AND a.year = y.year)
"""

_APPLY = """
WITH applied AS (
    INSERT INTO applications (student_id, guardian_id, year, level_id, status, submitted_at)
    SELECT s.id, s.guardian_id, y.year, 1 + mod(s.id, (SELECT max(id) FROM school_levels)), 'enviada', now()
    FROM students s, (SELECT max(year) AS year FROM admission_years) y
    WHERE s.id = ANY (%s)
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


_WORK = """
UPDATE documents SET status = 'aprobado', reviewed_by = (SELECT min(id) FROM users WHERE role <> 'apoderado')
WHERE id IN (SELECT id FROM documents WHERE status = 'pendiente' ORDER BY id DESC LIMIT %(most)s);

INSERT INTO interviews (application_id, interviewer_id, kind, scheduled_at, room)
SELECT a.id, (SELECT min(id) FROM users WHERE role <> 'apoderado'), 'familiar', now() + interval '7 days',
    'Sala 3'
FROM applications a
WHERE a.status = 'enviada' AND NOT EXISTS (SELECT FROM interviews i WHERE i.application_id = a.id)
ORDER BY a.id LIMIT %(most)s;

UPDATE applications SET status = 'entrevista agendada'
WHERE status = 'enviada' AND id IN (SELECT application_id FROM interviews);

DELETE FROM notifications WHERE id IN (SELECT id FROM notifications ORDER BY id LIMIT 3);
"""

COURSE = """
    SELECT level_id, (SELECT name FROM school_levels AS l WHERE l.id = level_id) FROM applications
    GROUP BY level_id ORDER BY count(*) DESC, level_id LIMIT 1
"""
"""The course with the most applications, in all years."""


def work(conninfo: str, most: int) -> None:
    """Look at up to ``most`` documents, agree on as many interviews, and clear the oldest notices away."""
    with psycopg.connect(conninfo) as connection, psycopg.ClientCursor(connection) as cursor:
        cursor.execute(_WORK, {"most": most})


def delete_course(conninfo: str) -> str:
    """Delete all applications to one course, and with them what hangs on them; return the course's name."""
    with psycopg.connect(conninfo) as connection:
        found = connection.execute(COURSE).fetchone()
        assert found is not None  # noqa: S101 - the school has applications
        connection.execute("DELETE FROM applications WHERE level_id = %s", [found[0]])
        return str(found[1])


def may_apply(conninfo: str) -> frozenset[int]:
    """Return the students who have not applied for the newest year."""
    with psycopg.connect(conninfo) as connection:
        return frozenset(int(str(one)) for (one,) in connection.execute(_FREE).fetchall())


def live_on(conninfo: str, applications: int, only: frozenset[int] | None = None) -> None:
    """Add up to ``applications`` new applications, of ``only`` these students, and notify as many people."""
    free = may_apply(conninfo) & only if only is not None else may_apply(conninfo)
    with psycopg.connect(conninfo) as connection:
        connection.execute(_APPLY, [list(free), applications, applications])
