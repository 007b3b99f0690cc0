"""The database's schema, step by step. A migration that has shipped is never edited."""

from __future__ import annotations

from typing import Final

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

MIGRATIONS: Final = Migrations("appliance-state")

_DISK_RECORDS: Final = (
    """CREATE TABLE smart_look (
        serial TEXT NOT NULL,
        at TEXT NOT NULL,
        measures TEXT NOT NULL,
        PRIMARY KEY (serial, at)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE smart_lowest (
        serial TEXT NOT NULL,
        measure TEXT NOT NULL,
        value INTEGER NOT NULL,
        at TEXT NOT NULL,
        PRIMARY KEY (serial, measure)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE smart_last (
        serial TEXT PRIMARY KEY,
        at TEXT NOT NULL,
        document TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE acknowledged (
        serial TEXT NOT NULL,
        measure TEXT NOT NULL,
        value INTEGER NOT NULL,
        at TEXT NOT NULL,
        who TEXT NOT NULL,
        PRIMARY KEY (serial, measure)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE kernel_word (
        serial TEXT NOT NULL,
        measure TEXT NOT NULL,
        count INTEGER NOT NULL,
        first_at TEXT NOT NULL,
        last_at TEXT NOT NULL,
        line TEXT NOT NULL,
        PRIMARY KEY (serial, measure)
    ) STRICT, WITHOUT ROWID""",
)
_ALERTS: Final = (
    """CREATE TABLE alert (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        cause TEXT NOT NULL,
        subject TEXT NOT NULL,
        marks TEXT NOT NULL,
        severity TEXT NOT NULL,
        what TEXT NOT NULL,
        why TEXT NOT NULL,
        next_step TEXT NOT NULL,
        bay TEXT NOT NULL,
        serial TEXT NOT NULL,
        pool TEXT NOT NULL,
        state TEXT NOT NULL,
        raised_at TEXT NOT NULL,
        changed_at TEXT NOT NULL,
        cleared_at TEXT,
        acknowledged_at TEXT,
        acknowledged_by TEXT NOT NULL DEFAULT '',
        note TEXT NOT NULL DEFAULT ''
    ) STRICT""",
    "CREATE UNIQUE INDEX alert_open ON alert(cause, subject) WHERE state <> 'cleared'",
    """CREATE TABLE message (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        receiver TEXT NOT NULL,
        document TEXT NOT NULL,
        created_at TEXT NOT NULL,
        due_at TEXT NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        error TEXT NOT NULL DEFAULT ''
    ) STRICT""",
    """CREATE TABLE daily (
        receiver TEXT PRIMARY KEY,
        day TEXT NOT NULL
    ) STRICT""",
)

_CARE: Final = (
    """CREATE TABLE care_since (
        key TEXT PRIMARY KEY,
        at TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE takeover (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        pool TEXT NOT NULL,
        spare TEXT NOT NULL,
        old_serial TEXT NOT NULL,
        old_bay TEXT NOT NULL,
        new_serial TEXT NOT NULL,
        new_bay TEXT NOT NULL,
        spares_left INTEGER NOT NULL,
        job INTEGER NOT NULL,
        at TEXT NOT NULL,
        over_at TEXT
    ) STRICT""",
    """CREATE TABLE scrub (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        pool TEXT NOT NULL,
        begun_at TEXT NOT NULL,
        ended_at TEXT,
        mismatches INTEGER,
        corrected INTEGER,
        failed_before INTEGER NOT NULL
    ) STRICT""",
    "CREATE INDEX scrub_pool ON scrub(pool, number)",
    """CREATE TABLE self_test (
        serial TEXT NOT NULL,
        kind TEXT NOT NULL,
        begun_at TEXT NOT NULL,
        outcome TEXT NOT NULL,
        passed INTEGER,
        PRIMARY KEY (serial, kind, begun_at)
    ) STRICT, WITHOUT ROWID""",
)


@MIGRATIONS()
def m001_journal(db: Database) -> None:
    """Plans, jobs, their steps, and one event for each change of a job."""
    _run(
        db,
        """CREATE TABLE plan (
            id TEXT PRIMARY KEY,
            created_at TEXT NOT NULL,
            document TEXT NOT NULL
        ) STRICT""",
        """CREATE TABLE job (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            plan_id TEXT NOT NULL REFERENCES plan(id),
            state TEXT NOT NULL,
            who TEXT NOT NULL,
            origin TEXT NOT NULL,
            confirmed TEXT NOT NULL,
            continues INTEGER REFERENCES job(number),
            created_at TEXT NOT NULL,
            ended_at TEXT,
            summary TEXT NOT NULL,
            error TEXT NOT NULL DEFAULT '',
            next_step TEXT NOT NULL DEFAULT '',
            unfinished INTEGER NOT NULL DEFAULT 1,
            seq INTEGER NOT NULL DEFAULT 0
        ) STRICT""",
        """CREATE TABLE step (
            job INTEGER NOT NULL REFERENCES job(number),
            number INTEGER NOT NULL,
            title TEXT NOT NULL,
            resource TEXT NOT NULL,
            state TEXT NOT NULL,
            line TEXT NOT NULL,
            undo TEXT,
            begun_at TEXT,
            ended_at TEXT,
            code INTEGER,
            output TEXT NOT NULL DEFAULT '',
            PRIMARY KEY (job, number)
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE event (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            job INTEGER NOT NULL REFERENCES job(number),
            at TEXT NOT NULL,
            what TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX job_unfinished ON job(unfinished, number)",
    )
    _append_only(db, "event", "plan")


@MIGRATIONS()
def m002_desired(db: Database) -> None:
    """The wish as last applied, and the disks as last seen."""
    _run(
        db,
        """CREATE TABLE desired (
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            document TEXT NOT NULL,
            PRIMARY KEY (kind, name)
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE disk (
            serial TEXT PRIMARY KEY,
            seen_at TEXT NOT NULL,
            document TEXT NOT NULL
        ) STRICT""",
    )


@MIGRATIONS()
def m003_audit(db: Database) -> None:
    """The audit chain and its head, which only moves on."""
    _run(
        db,
        """CREATE TABLE audit (
            number INTEGER PRIMARY KEY,
            at TEXT NOT NULL,
            who TEXT NOT NULL,
            origin TEXT NOT NULL,
            what TEXT NOT NULL,
            subject TEXT NOT NULL,
            outcome TEXT NOT NULL,
            digest TEXT NOT NULL
        ) STRICT""",
        """CREATE TABLE audit_head (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            lines INTEGER NOT NULL,
            digest TEXT NOT NULL
        ) STRICT""",
        "INSERT INTO audit_head VALUES (1, 0, '')",
        """CREATE TRIGGER audit_head_moves_on BEFORE UPDATE ON audit_head
            WHEN NEW.lines <> OLD.lines + 1
            BEGIN SELECT RAISE(ABORT, 'the audit only grows'); END""",
        """CREATE TRIGGER audit_head_stays BEFORE DELETE ON audit_head
            BEGIN SELECT RAISE(ABORT, 'the audit only grows'); END""",
    )
    _append_only(db, "audit")


@MIGRATIONS()
def m004_old_previews(db: Database) -> None:
    """A plan that no job carried out may go; one that a job did carry out stays."""
    _run(
        db,
        "DROP TRIGGER plan_no_delete",
        """CREATE TRIGGER plan_no_delete BEFORE DELETE ON plan
            WHEN EXISTS (SELECT 1 FROM job WHERE plan_id = OLD.id)
            BEGIN SELECT RAISE(ABORT, 'plan is append-only'); END""",
        "CREATE INDEX job_plan ON job(plan_id)",
    )


@MIGRATIONS()
def m005_watch(db: Database) -> None:
    """What was measured of disks, what people know of, what the kernel said; alerts and messages."""
    _run(db, *_DISK_RECORDS, *_ALERTS)


@MIGRATIONS()
def m006_disk_book(db: Database) -> None:
    """How disks stand, and certificates of erasure. Disks seen so far are taken for admitted."""
    _run(
        db,
        """CREATE TABLE disk_standing (
            serial TEXT PRIMARY KEY,
            document TEXT NOT NULL
        ) STRICT""",
        """CREATE TABLE certificate (
            number INTEGER PRIMARY KEY,
            serial TEXT NOT NULL,
            document TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX certificate_serial ON certificate(serial)",
        """INSERT INTO disk_standing SELECT serial, json_object(
            'serial', serial, 'standing', 'admitted', 'at', seen_at) FROM disk""",
    )
    _append_only(db, "certificate")


@MIGRATIONS()
def m007_care(db: Database) -> None:
    """What is done by itself: spares that took over, scrubs, self-tests."""
    _run(db, *_CARE)


@MIGRATIONS()
def m008_taught_bays(db: Database) -> None:
    """Labels of bays, by the path that leads there."""
    _run(db, "CREATE TABLE taught_bay (path TEXT PRIMARY KEY, label TEXT NOT NULL) STRICT")


@MIGRATIONS()
def m009_bay_lights(db: Database) -> None:
    """Lights the node lit by itself, so that a restart does not leave them on."""
    _run(
        db,
        """CREATE TABLE bay_light (
            serial TEXT NOT NULL,
            lamp TEXT NOT NULL,
            document TEXT NOT NULL,
            PRIMARY KEY (serial, lamp)
        ) STRICT, WITHOUT ROWID""",
    )


@MIGRATIONS()
def m010_tier_fill(db: Database) -> None:
    """How full the tiers were."""
    _run(
        db,
        """CREATE TABLE tier_fill (
            pool TEXT NOT NULL, tier TEXT NOT NULL, at TEXT NOT NULL,
            used INTEGER NOT NULL, size INTEGER NOT NULL
        ) STRICT""",
        "CREATE INDEX tier_fill_at ON tier_fill(pool, tier, at)",
    )


@MIGRATIONS()
def m011_scrub_job(db: Database) -> None:
    """Which job began a scrub: one whose job failed checked nothing."""
    _run(db, "ALTER TABLE scrub ADD COLUMN job INTEGER")


@MIGRATIONS()
def m012_waits(db: Database) -> None:
    """Steps during which their job lets others in."""
    _run(db, "ALTER TABLE step ADD COLUMN waits INTEGER NOT NULL DEFAULT 0")


def _append_only(db: Database, *tables: str) -> None:
    for table in tables:
        for act in ("UPDATE", "DELETE"):
            _run(
                db,
                f"""CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table}
                    BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END""",
            )


def _run(db: Database, *statements: str) -> None:
    for statement in statements:
        db.execute(statement)
