-- Which bots this database can be served by. A bot is told by the newest migration it knows.
--
-- Expand, then contract: a migration that only adds leaves this row alone, and the former bot goes on
-- beside it or comes back after it. One that takes away, or changes what an older bot reads or writes,
-- sets `oldest_bot` to the first migration whose bots do without what is gone.
CREATE TABLE schema_compatibility (
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    oldest_bot  bigint NOT NULL CHECK (oldest_bot > 0)
);
COMMENT ON COLUMN schema_compatibility.oldest_bot IS
    'The newest migration that a bot must know at least, to serve this database.';

INSERT INTO schema_compatibility (oldest_bot) VALUES (7);
