-- What the role that serves a shop may do, and nothing more. `warung-bot migrate --grant-to ROLE`
-- runs this after the migrations, as their owner, in one transaction: a running bot sees no gap.
-- The role's name comes in the setting `warung.serving_role`.
--
-- Every table, view and sequence has its line here; one without fails the migration. Who adds a
-- table decides: rows that tell the past get SELECT and INSERT only.
DO $grants$
DECLARE
    serving text := current_setting('warung.serving_role');
    place text := current_schema();
    undecided text;
    decision record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = serving) THEN
        RAISE EXCEPTION 'there is no role %: create it first, with LOGIN and no other right',
            quote_ident(serving) USING ERRCODE = '42704';
    END IF;
    -- Who is, or may become, the owner can take any refusal back.
    IF pg_has_role(serving, current_user, 'MEMBER') THEN
        RAISE EXCEPTION 'role % has the rights of the owner %: serve with a role of its own',
            quote_ident(serving), quote_ident(current_user) USING ERRCODE = '42501';
    END IF;

    CREATE TEMP TABLE grant_decision (name text PRIMARY KEY, rights text) ON COMMIT DROP;
    INSERT INTO grant_decision (name, rights) VALUES
        -- The past: added to, never changed.
        ('ledger_txn',            'SELECT, INSERT'),
        ('ledger_entry',          'SELECT, INSERT'),
        ('order_event',           'SELECT, INSERT'),
        ('payment_event',         'SELECT, INSERT'),
        ('payment_notification',  'SELECT, INSERT'),
        ('staff_action',          'SELECT, INSERT'),
        ('stock_movement',        'SELECT, INSERT'),
        -- Written once.
        ('media',                 'SELECT, INSERT'),
        ('order_line',            'SELECT, INSERT'),
        -- The present: changed, never deleted.
        ('ledger_account',        'SELECT, INSERT, UPDATE (posted, pending_out, version)'),
        ('catalog_version',       'SELECT, UPDATE'),
        ('category',              'SELECT, INSERT, UPDATE'),
        ('conversation',          'SELECT, INSERT, UPDATE'),
        ('customer',              'SELECT, INSERT, UPDATE'),
        ('lock_fence',            'SELECT, INSERT, UPDATE'),
        ('orders',                'SELECT, INSERT, UPDATE'),
        ('payment_attempt',       'SELECT, INSERT, UPDATE'),
        ('product',               'SELECT, INSERT, UPDATE'),
        ('quote',                 'SELECT, INSERT, UPDATE'),
        ('setting',               'SELECT, INSERT, UPDATE'),
        ('stock_item',            'SELECT, INSERT, UPDATE'),
        ('stock_reservation',     'SELECT, INSERT, UPDATE'),
        ('stock_unit',            'SELECT, INSERT, UPDATE'),
        ('variant',               'SELECT, INSERT, UPDATE'),
        -- What is done with goes.
        ('bot_instance',          'SELECT, INSERT, UPDATE, DELETE'),
        ('cart_line',             'SELECT, INSERT, UPDATE, DELETE'),
        ('customer_alias',        'SELECT, INSERT, UPDATE, DELETE'),
        ('inbox',                 'SELECT, INSERT, UPDATE, DELETE'),
        ('invariant_violation',   'SELECT, INSERT, UPDATE, DELETE'),
        ('outbox',                'SELECT, INSERT, UPDATE, DELETE'),
        -- Read by a bot that starts.
        ('schema_compatibility',  'SELECT'),
        -- Views and sequences. Those of identity columns need no grant.
        ('product_card',          'SELECT'),
        ('fence_token',           'USAGE'),
        -- The migrations' own record is the owner's.
        ('_sqlx_migrations',      NULL);

    SELECT string_agg(c.relname, ', ' ORDER BY c.relname) INTO undecided
    FROM pg_class c
    WHERE c.relnamespace = place::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
      AND NOT EXISTS (SELECT FROM pg_depend d
                      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                        AND d.deptype IN ('i', 'e'))
      AND NOT EXISTS (SELECT FROM grant_decision g WHERE g.name = c.relname);
    IF undecided IS NOT NULL THEN
        RAISE EXCEPTION 'migrations/grants.sql does not say what the bot may do with: %', undecided
            USING ERRCODE = '42501';
    END IF;

    -- Whatever an earlier version gave, or PostgreSQL gives to everybody, is taken back first.
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM %I', place, serving);
    EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA %I FROM %I', place, serving);
    EXECUTE format('REVOKE ALL ON SCHEMA %I FROM %I', place, serving);
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM %I', current_database(), serving);
    EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', place);
    EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), serving);
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', place, serving);
    FOR decision IN SELECT name, rights FROM grant_decision WHERE rights IS NOT NULL LOOP
        EXECUTE format('GRANT %s ON %s%I.%I TO %I', decision.rights,
                       CASE decision.rights WHEN 'USAGE' THEN 'SEQUENCE ' ELSE '' END,
                       place, decision.name, serving);
    END LOOP;
END $grants$;
