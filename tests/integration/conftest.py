from tests.pg_fixtures import (
    any_pg,
    new_database,
    new_rich,
    new_school,
    pg18,
    pg_system,
    pg_template,
    pg_workspace,
    rich_db,
    school_db,
)

__all__ = [
    "any_pg",
    "new_database",
    "new_rich",
    "new_school",
    "pg18",
    "pg_system",
    "pg_template",
    "pg_workspace",
    "rich_db",
    "school_db",
]
