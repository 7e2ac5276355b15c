"""The services that use the database: whether they are healthy, and how they are started again."""
