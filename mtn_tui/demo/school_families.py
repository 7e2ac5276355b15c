"""The relations between people of the practice school, and the times of events.

Guardians, students and applications are numbered from 0. Most facts about them
are computed from that number; the rest is kept in arrays of one byte each, so
that millions of rows need little memory.
"""

from __future__ import annotations

from array import array
from datetime import UTC, date, datetime, timedelta
from random import Random

from mtn_tui.demo import school_words as words
from mtn_tui.demo.rut import rut

STAFF = 40
DECIDED = 4
"""The first status that is a decision."""

RELATIONSHIPS = ("madre", "padre", "abuela", "abuelo", "tutor legal")
_MEN = (1, 3)
_ROWS_PER_APPLICATION = 11.93
_TIMES = 20_000
_TERM = 180  # days that families have to apply

# In the order of the type application_status: percentages in finished processes, and in the current one.
_FINISHED = (0, 0, 0, 0, 58, 12, 22, 8)
_RUNNING = (6, 18, 22, 16, 22, 8, 6, 2)
_LEVELS = (30, 18, 12, 6, 5, 5, 4, 4, 3, 3, 4, 3, 2, 1)

# The first number, and how many there are. The step is coprime to both counts, so that no number occurs
# twice.
_GUARDIAN_RUTS = (7_000_000, 13_000_000)
_STUDENT_RUTS = (20_000_000, 9_999_991)
_RUT_STEP = 7_654_321


class Families:
    """The people and applications generated from one seed."""

    def __init__(self, rows: int, seed: int, newest: datetime) -> None:
        """Generate as many as give about ``rows`` rows in total; no event is after ``newest``."""
        self.rng = rng = Random(seed)
        self._random = rng.random
        self._newest = f"{newest.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"
        self.applications = max(20, round((rows - STAFF - 40) / _ROWS_PER_APPLICATION))
        self.guardians = self.applications * 78 // 100
        self.students = self.applications * 92 // 100
        self._last_year = newest.year + 1
        self._set_calendar(newest.astimezone(UTC).date())
        surnames = range(len(words.SURNAMES))
        self.paternal = array("B", rng.choices(surnames, k=self.guardians))
        self.maternal = array("B", rng.choices(surnames, k=self.guardians))
        self.relationship = array("B", rng.choices(range(5), (56, 36, 3, 2, 3), k=self.guardians))
        self.first_level = array("B", rng.choices(range(14), _LEVELS, k=self.students))
        over = self.applications * 63 // 100
        self.status = array("B", rng.choices(range(8), _FINISHED, k=over))
        self.status.extend(rng.choices(range(8), _RUNNING, k=self.applications - over))

    def _set_calendar(self, newest: date) -> None:
        """List all days since two years ago, and the first and last day of each process as indices."""
        first = newest.replace(year=newest.year - 2, month=1, day=1)
        count = (newest - first).days + 1
        second = 90 + 365
        self.terms = (
            (90, 90 + _TERM),
            (second, second + _TERM),
            (max(second + _TERM + 1, count - 1 - _TERM), count - 1),
        )
        self.days = [(first + timedelta(day)).isoformat() for day in range(count)]
        # Events after the last day happen on it.
        self.days += self.days[-1:] * 100
        self._times = [
            f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.{self.rng.randrange(10**6):06}"
            for second in self.rng.choices(range(8 * 3600, 23 * 3600), k=_TIMES)
        ]

    def student_of(self, application: int) -> int:
        """Return the student of an application: most apply once, the last few again after two years."""
        return application if application < self.students else (application - self.students) * 3

    def guardian_of(self, student: int) -> int:
        """Return the guardian of a student: most have one child, the last students are siblings."""
        return student if student < self.guardians else (student - self.guardians) * 5

    def level_of(self, application: int) -> int:
        """Return the level applied for, as an index from 0."""
        level = self.first_level[self.student_of(application)]
        return level if application < self.students else min(13, level + 2)

    def year_of(self, application: int) -> int:
        """Return the school year applied for, the one after the process."""
        return self._last_year - 2 + self._process_of(application)[0]

    def day_of(self, application: int) -> int:
        """Return the day on which the application was begun, as an index into ``days``."""
        process, start, end = self._process_of(application)
        first, last = self.terms[process]
        return first + int((application / self.applications - start) / (end - start) * (last - first + 1))

    def _process_of(self, application: int) -> tuple[int, float, float]:
        """Return the process, and the range of its share of all applications."""
        share = application / self.applications
        return (0, 0.0, 0.30) if share < 0.30 else (1, 0.30, 0.63) if share < 0.63 else (2, 0.63, 1.0)

    def moment(self, day: int, after: str = "") -> str:
        """Return a random time on that day, UTC, not after the newest and not before ``after``."""
        chosen = f"{self.days[day]} {self._times[int(self._random() * _TIMES)]}+00"
        newest = self._newest
        if chosen > newest:
            return f"{newest}+00"
        return after if after > chosen else chosen

    def first_name(self, guardian: int) -> str:
        """Return the first name of a guardian."""
        names = words.BOYS if self.relationship[guardian] in _MEN else words.GIRLS
        return names[(guardian * 31 + self.paternal[guardian]) % len(names)]

    def surname(self, guardian: int) -> str:
        """Return the paternal surname of a guardian."""
        return words.SURNAMES[self.paternal[guardian]]

    @staticmethod
    def guardian_rut(guardian: int) -> str:
        """Return the identity number of a guardian."""
        return _numbered(guardian, *_GUARDIAN_RUTS)

    @staticmethod
    def student_rut(student: int) -> str:
        """Return the identity number of a student."""
        return _numbered(student, *_STUDENT_RUTS)


def _numbered(number: int, first: int, count: int) -> str:
    return rut(first + number * _RUT_STEP % count)
