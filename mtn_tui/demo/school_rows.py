"""Generates the practice school's rows, table by table, in the text format of COPY."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from mtn_tui.demo import school_words as words
from mtn_tui.demo.school_families import DECIDED, RELATIONSHIPS, STAFF, Families

_NULL = "\\N"
_FIRST_FOLIO = 100_001
_STATUSES = (
    "borrador",
    "enviada",
    "en revisión",
    "entrevista agendada",
    "aceptada",
    "lista de espera",
    "rechazada",
    "retirada",
)
_INTERVIEWED = 3
_STAFF_ROLES = ("docente", "docente", "docente", "psicóloga", "coordinación", "administración", "dirección")
_MAIL_HOSTS = ("gmail.com", "gmail.com", "outlook.cl", "hotmail.com", "vtr.net")
_DOCUMENTS = (
    ("certificado de nacimiento", "certificado_nacimiento", "pdf"),
    ("informe de notas", "informe_notas", "pdf"),
    ("informe de personalidad", "informe_personalidad", "pdf"),
    ("fotografía", "foto", "jpg"),
    ("certificado médico", "certificado_medico", "pdf"),
)
_NOTICES = (
    ("Recibimos su postulación", "recibimos la postulación {folio}. La revisaremos pronto."),
    ("Falta un documento", "en la postulación {folio} falta un documento por adjuntar."),
    ("Resultado disponible", "el resultado de la postulación {folio} ya está en el portal."),
)
_FALSE_TRUE = ("false", "true")

Rows = Iterator[str]


@dataclass(frozen=True)
class Table:
    """A table: its name, the columns sent, and the function that yields its rows as lines of COPY text."""

    name: str
    columns: str
    rows: Callable[[Families], Rows]


def comunas(_families: Families) -> Rows:
    """Yield the comunas."""
    for number, name in enumerate(words.COMUNAS, 1):
        yield f"{number}\t{name}\n"


def school_levels(_families: Families) -> Rows:
    """Yield the levels of the school."""
    for number, name in enumerate(words.LEVELS, 1):
        yield f"{number}\t{name}\t{90 if number == 1 else 30}\n"


def admission_years(families: Families) -> Rows:
    """Yield the admission years."""
    year = families.year_of(0)
    for process, (first, last) in enumerate(families.terms):
        opens, closes = families.days[first], date.fromisoformat(families.days[last]) + timedelta(1)
        fee = 38_000 + 2_000 * process
        yield f"{year + process}\t[{opens},{closes})\t{fee}\t{opens} 12:00:00+00\t{opens} 12:00:00+00\n"


def users(families: Families) -> Rows:
    """Yield the users: the staff, then the guardians."""
    for number in range(STAFF + families.guardians):
        guardian = number - STAFF
        if guardian < 0:
            first = (words.GIRLS, words.BOYS)[number % 2][number]
            surname, role, day = words.SURNAMES[number], _STAFF_ROLES[number % len(_STAFF_ROLES)], 0
            address = f"{words.plain(first)}.{words.plain(surname)}@mtn.cl"
        else:
            first, surname = families.first_name(guardian), families.surname(guardian)
            role, day = "apoderado", families.day_of(guardian)
            address = f"{words.plain(first)}.{words.plain(surname)}{guardian}@{_MAIL_HOSTS[guardian % 5]}"
        made = families.moment(day)
        login = families.moment(day + int(families.rng.random() * 60), made)
        digest = base64.b64encode(families.rng.randbytes(40), b"./")[:53].decode()
        dark = _FALSE_TRUE[families.rng.random() < 0.3]
        yield (
            f"{number + 1}\t{address}\t$2b$12${digest}\t{role}\t{first} {surname}\tt"
            f'\t{{"idioma": "es", "modo_oscuro": {dark}, "avisos": ["correo", "aplicación"]}}'
            f"\t{login}\t{made}\t{login}\n"
        )


def guardians(families: Families) -> Rows:
    """Yield the guardians."""
    random = families.rng.random
    for number in range(families.guardians):
        made = families.moment(families.day_of(number))
        street = words.STREETS[int(random() * len(words.STREETS))]
        yield (
            f"{number + 1}\t{STAFF + number + 1}\t{families.guardian_rut(number)}"
            f"\t{families.first_name(number)}\t{families.surname(number)}"
            f"\t{words.SURNAMES[families.maternal[number]]}\t{RELATIONSHIPS[families.relationship[number]]}"
            f"\t{_phone(random)}\t{street} {int(random() * 9900) + 100}"
            f"\t{int(random() * len(words.COMUNAS)) + 1}"
            f"\t{words.OCCUPATIONS[int(random() * len(words.OCCUPATIONS))]}\t{made}\t{made}\n"
        )


def students(families: Families) -> Rows:
    """Yield the students."""
    random = families.rng.random
    surnames, schools = words.SURNAMES, words.SCHOOLS
    for number in range(families.students):
        guardian = families.guardian_of(number)
        paternal, maternal = families.paternal[guardian], int(random() * len(surnames))
        if families.relationship[guardian] == 0:
            paternal, maternal = maternal, paternal
        names = words.GIRLS if random() < 0.5 else words.BOYS
        first = f"{names[int(random() * len(names))]} {names[int(random() * len(names))]}"
        level = families.first_level[number]
        born = families.year_of(number) - 4 - level
        birth = f"{born}-{int(random() * 12) + 1:02}-{int(random() * 28) + 1:02}"
        school = _NULL if level == 0 and random() < 0.6 else schools[int(random() * len(schools))]
        needs = words.NEEDS[int(random() * len(words.NEEDS))] if random() < 0.04 else _NULL
        made = families.moment(families.day_of(number))
        yield (
            f"{number + 1}\t{guardian + 1}\t{families.student_rut(number)}\t{first}\t{surnames[paternal]}"
            f"\t{surnames[maternal]}\t{birth}\t{school}\t{needs}\t{made}\t{made}\n"
        )


def applications(families: Families) -> Rows:
    """Yield the applications."""
    random, randbytes = families.rng.random, families.rng.randbytes
    motives = words.Texts("motivation", families.rng, 400)
    heard = ("familiares", "sitio web", "parroquia", "redes sociales")
    for number in range(families.applications):
        student = families.student_of(number)
        level, status, day = families.level_of(number), families.status[number], families.day_of(number)
        made = families.moment(day)
        sent = families.moment(day + 1, made) if status else _NULL
        decided = families.moment(day + 30, sent) if status >= DECIDED else _NULL
        changed = decided if status >= DECIDED else sent if status else made
        decider = int(random() * STAFF) + 1 if status >= DECIDED else _NULL
        siblings = 0 if random() < 0.7 else int(random() * 3) + 1
        form = (
            f'{{"colegio_anterior": {_FALSE_TRUE[level > 0]}, "hermanos": {siblings}, '
            f'"jornada": "{"tarde" if random() < 0.2 else "mañana"}", '
            f'"cómo_nos_conoció": "{heard[int(random() * 4)]}", "contacto_emergencia": "{_phone(random)}", '
            f'"autoriza_imagen": {_FALSE_TRUE[random() < 0.9]}, "sesión": "{randbytes(12).hex()}"}}'
        )
        yield (
            f"{number + 1}\t{_folio(number)}\t{student + 1}\t{families.guardian_of(student) + 1}"
            f"\t{families.year_of(number)}\t{level + 1}\t{_STATUSES[status]}\t{siblings}\t{form}"
            f"\t{' '.join(motives.some(2 + int(random() * 4)))}\t{sent}\t{decided}\t{decider}"
            f"\t{made}\t{changed}\n"
        )


def documents(families: Families) -> Rows:
    """Yield two to four documents of each application."""
    random, randbytes = families.rng.random, families.rng.randbytes
    remarks = words.Texts("remark", families.rng, 100)
    identity = 0
    for number in range(families.applications):
        day, decided = families.day_of(number), families.status[number] >= DECIDED
        start = int(random() * 5)
        for place in range(2 + int(random() * 3)):
            identity += 1
            kind, stem, ending = _DOCUMENTS[(start + place) % 5]
            made, draw = families.moment(day + place), random()
            status = "aprobado" if decided or draw < 0.5 else "observado" if draw < 0.6 else "pendiente"
            changed, reviewer = made, _NULL
            if status != "pendiente":
                changed, reviewer = families.moment(day + place + 3, made), str(int(random() * STAFF) + 1)
            remark = remarks.some(1)[0] if status == "observado" else _NULL
            yield (
                f"{identity}\t{number + 1}\t{kind}\t{stem}_{_FIRST_FOLIO + number}.{ending}"
                f"\t{randbytes(16).hex()}\t{int(random() * 4_000_000) + 20_000}\t\\\\x{randbytes(32).hex()}"
                f"\t{status}\t{remark}\t{reviewer}\t{made}\t{changed}\n"
            )


def interviews(families: Families) -> Rows:
    """Yield one or two interviews of each application that has come that far."""
    random = families.rng.random
    notes = words.Texts("interview", families.rng, 500)
    kinds = ("familiar", "estudiante", "psicopedagógica")
    results = ("recomendado", "recomendado", "recomendado con reservas", "no recomendado")
    identity = 0
    for number in range(families.applications):
        status, day = families.status[number], families.day_of(number)
        if status < _INTERVIEWED:
            continue
        for place in range(1 if random() < 0.5 else 2):
            identity += 1
            made = families.moment(day + 4)
            held = families.moment(day + 10 + place, made)
            result, text = _NULL, _NULL
            if status >= DECIDED:
                result = results[int(random() * 4)]
                text = "\\n".join(notes.some(2 + int(random() * 5)))
            yield (
                f"{identity}\t{number + 1}\t{int(random() * STAFF) + 1}\t{kinds[int(random() * 3)]}\t{held}"
                f"\t00:{30 if place else 45}:00\t{words.ROOMS[int(random() * 6)]}\t{result}\t{text}"
                f"\t{made}\t{held}\n"
            )


def evaluations(families: Families) -> Rows:
    """Yield one to three evaluations of each application that was decided."""
    random = families.rng.random
    texts = words.Texts("evaluation", families.rng, 500)
    subjects = ("lenguaje", "matemática", "inglés", "desarrollo socioemocional")
    sheets = [",".join(str(int(random() * 5)) for _answer in range(20)) for _sheet in range(5000)]
    identity = 0
    for number in range(families.applications):
        if families.status[number] < DECIDED:
            continue
        day, start = families.day_of(number), int(random() * 4)
        for place in range(1 + int(random() * 3)):
            identity += 1
            made = families.moment(day + 15 + place)
            yield (
                f"{identity}\t{number + 1}\t{int(random() * STAFF) + 1}\t{subjects[(start + place) % 4]}"
                f"\t{1 + 6 * random() ** 0.5:.2f}\t{{{sheets[int(random() * 5000)]}}}"
                f"\t{' '.join(texts.some(1 + int(random() * 3)))}\t{made}\t{made}\n"
            )


def notifications(families: Families) -> Rows:
    """Yield one to three notifications about each application."""
    random, randbytes = families.rng.random, families.rng.randbytes
    channels = ("correo", "correo", "aplicación", "sms")
    identity = 0
    for number in range(families.applications):
        guardian = families.guardian_of(families.student_of(number))
        greeting, folio = f"Estimada familia {families.surname(guardian)}: ", _folio(number)
        day, status = families.day_of(number), families.status[number]
        for place in range(1 if status < 2 else 2 if status < DECIDED else 3):
            identity += 1
            title, body = _NOTICES[place]
            sent = families.moment(day + 1 + 10 * place)
            read = families.moment(day + 2 + 10 * place, sent) if random() < 0.8 else _NULL
            tries = 1 if random() < 0.95 else 2
            payload = f'{{"plantilla": {place + 1}, "intentos": {tries}, "mensaje": "{randbytes(12).hex()}"}}'
            yield (
                f"{identity}\t{STAFF + guardian + 1}\t{number + 1}\t{channels[int(random() * 4)]}\t{title}"
                f"\t{greeting}{body.format(folio=folio)}\t{payload}\t{sent}\t{read}\t{sent}\t{sent}\n"
            )


def _folio(application: int) -> str:
    return f"ADM-{_FIRST_FOLIO + application}"


def _phone(random: Callable[[], float]) -> str:
    return f"+569{int(random() * 9e7) + 10_000_000}"


_STAMPS = "created_at updated_at"

TABLES = (
    Table("comunas", "id name", comunas),
    Table("school_levels", "id name seats", school_levels),
    Table("admission_years", f"year open fee_clp {_STAMPS}", admission_years),
    Table(
        "users", f"id email password_hash role full_name active preferences last_login_at {_STAMPS}", users
    ),
    Table(
        "guardians",
        "id user_id rut first_names paternal_surname maternal_surname relationship phone address"
        f" comuna_id occupation {_STAMPS}",
        guardians,
    ),
    Table(
        "students",
        "id guardian_id rut first_names paternal_surname maternal_surname birth_date previous_school"
        f" special_needs {_STAMPS}",
        students,
    ),
    Table(
        "applications",
        "id folio student_id guardian_id year level_id status siblings_at_school form motivation"
        f" submitted_at decided_at decided_by {_STAMPS}",
        applications,
    ),
    Table(
        "documents",
        "id application_id kind file_name storage_key size_bytes sha256 status remarks reviewed_by"
        f" {_STAMPS}",
        documents,
    ),
    Table(
        "interviews",
        f"id application_id interviewer_id kind scheduled_at duration room result notes {_STAMPS}",
        interviews,
    ),
    Table(
        "evaluations",
        f"id application_id evaluator_id subject score answers observations {_STAMPS}",
        evaluations,
    ),
    Table(
        "notifications",
        f"id user_id application_id channel title body payload sent_at read_at {_STAMPS}",
        notifications,
    ),
)
"""In an order that satisfies foreign keys."""
