"""The configuration: every key of ``backup.conf``, its type and its default.

An attribute of ``Settings`` is its key in lower case; the defaults are the
scripts' own. ``settings_file`` reads them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from mtn_tui.core.values import (
    LONGEST,
    Address,
    Bucket,
    Database,
    Databases,
    Email,
    Emails,
    Endpoint,
    Host,
    MailServer,
    Number,
    Port,
    Prefix,
    Switch,
    Urls,
    User,
    Webhook,
    Whole,
    parse_endpoint,
    scratch_name,
)

_AWS = Endpoint("s3.amazonaws.com", secure=True)


class Settings(BaseModel):
    """All settings, validated. Those made by ``settings_file`` have absolute paths."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    # The database
    db_host: Host = "localhost"
    """A name, an address, or the folder of a Unix socket."""
    db_port: Port = 5432
    db_name: Database
    db_user: User
    db_password: SecretStr | None = None
    """None: libpq finds it (``~/.pgpass``) or needs none."""
    staging_db_name: Database = Field(default_factory=lambda data: scratch_name(data["db_name"], "_staging"))
    production_databases: Databases = ()
    """Databases that are production besides ``db_name``."""
    pg_dump: Path | None = None
    """None: chosen among those installed. Without a slash it is a command to be found on PATH."""
    psql: Path | None = None

    # Paths
    backup_dir: Path = Path("backups")
    log_dir: Path = Field(default_factory=lambda data: data["backup_dir"].parent / "logs")
    metrics_dir: Path = Field(default_factory=lambda data: data["log_dir"] / "metrics")
    temp_dir: Path = Field(default_factory=lambda data: data["backup_dir"].parent / "temp")
    state_dir: Path | None = None
    """As configured; ``paths.state_dir`` returns the folder to use."""
    contacts_file: Path | None = Path("config/contacts.toml")
    """None: not used, since others could change it."""
    backup_prefix: Prefix = "admision_mtn"

    # The archive
    deflate_level: Annotated[Whole, Field(ge=1, le=12)] = 5
    """libdeflate's. Measured on a school's dump, one core: 5 is 0.995 times the bytes of gzip -9, 6 is
    0.972 times, at 110 and 89 MB/s."""
    compression_level: Annotated[Whole | None, Field(ge=0, le=9)] = None
    """The scripts' level for gzip, without effect; see ``deflate_level``."""
    enable_encryption: Switch = True
    """False only reads old clear backups: new ones are refused."""
    encryption_key_file: Path = Path("config/.encryption.key")
    enable_post_backup_verify: Switch = True
    enable_post_restore_verify: Switch = True
    enable_test_load: Switch = True

    # The bucket
    use_minio: Switch = True
    """True: any S3 server, at ``minio_endpoint``. False: AWS."""
    minio_endpoint: Address | None = None
    minio_access_key: str | None = None
    minio_secret_key: SecretStr | None = None
    minio_bucket: Bucket = "mtn-backups"
    s3_bucket: Bucket = "mtn-admision-backups"
    s3_region: str | None = None
    """For servers outside AWS with regions (Garage, Scaleway, OVH); AWS uses AWS_DEFAULT_REGION."""
    s3_ca_file: Path | None = None
    """Certificates (PEM) to trust besides the system's."""
    aws_profile: str | None = None
    """The section of ``~/.aws/credentials`` whose static keys are used if none are configured here."""
    aws_access_key_id: str | None = None
    aws_secret_access_key: SecretStr | None = None
    aws_session_token: SecretStr | None = None
    aws_default_region: str | None = None
    upload_deadline_minutes: Annotated[Number, Field(gt=0, le=LONGEST)] = 30
    """How long a failed upload is tried again before the backup stays on this disk only."""

    # Retention
    full_backup_retention_days: Annotated[Whole, Field(ge=1, le=LONGEST)] = 30
    diff_backup_retention_days: Annotated[Whole, Field(ge=1, le=LONGEST)] = 90
    keep_weekly: Annotated[Whole, Field(ge=0, le=LONGEST)] = 0
    """Weeks of which each store keeps a full besides those of the days above."""
    keep_monthly: Annotated[Whole, Field(ge=0, le=LONGEST)] = 0
    """Months of which each store keeps a full besides those of the days above."""
    keep_replaced_days: Annotated[Number, Field(ge=0, le=LONGEST)] = 7
    """How long the database that a restore replaced is kept."""

    # Monitoring and alerts
    target_rpo_hours: Annotated[Number, Field(gt=0, le=LONGEST)] = 1
    target_rto_hours: Annotated[Number, Field(gt=0, le=LONGEST)] = 4
    diff_every_minutes: Annotated[Number, Field(gt=0, le=LONGEST)] = 30
    enable_monitoring: Switch = True
    smtp_server: MailServer | None = None
    smtp_port: Port = 587
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    mail_from: Email | None = None
    """The sender; None: see ``operations.alerts.email.sender_of``."""
    alert_email: Emails = ()
    webhook_url: Webhook = None
    """All of it is secret: whoever knows it can post there."""
    ping_url: Webhook = None
    """Told of every run of the monitor, in healthchecks.io's form. Secret like the webhook's."""
    alert_ca_file: Path | None = None
    """Certificates (PEM) to trust besides the system's, for the mail server, the webhook, the services."""

    # The services that use the database
    services_stop_command: str | None = None
    services_restart_command: str | None = None
    database_start_command: str | None = None
    service_health_urls: Urls = ()

    @property
    def bucket(self) -> str | None:
        """The bucket for copies; None: backups stay on this disk.

        With USE_MINIO this is MINIO_BUCKET, or None without MINIO_ENDPOINT. Without
        it, this is S3_BUCKET at AWS: choosing AWS means wanting copies, so missing
        credentials are a storage error and never ignored. An empty bucket name also
        means none.
        """
        if self.use_minio:
            return (self.minio_bucket or None) if self.minio_endpoint else None
        return self.s3_bucket or None

    @property
    def endpoint(self) -> Endpoint | None:
        """The S3 server of the bucket; None without a bucket."""
        if self.bucket is None:
            return None
        if self.use_minio and self.minio_endpoint:
            return parse_endpoint(self.minio_endpoint)
        return _AWS


KEYS = tuple(name.upper() for name in Settings.model_fields)
"""Every key that a configuration may hold."""

SECRET_KEYS = tuple(
    name.upper() for name, known in Settings.model_fields.items() if known.annotation == SecretStr | None
)
