-- Makes what migrations need and cannot make: the roles, which belong to the whole cluster, and the tables of before there were
-- roles RoleMigrate's. It changes nothing where all is as it should be, and needs no rights then.
DO $$
DECLARE
    name text;
    object text;
    able text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    -- "owroles". One at a time in this database; of the others in the cluster an error tells, and then this is run again.
    PERFORM pg_advisory_xact_lock(x'6f77726f6c6573'::bigint);
    FOREACH name IN ARRAY ARRAY['orderwire_api', 'orderwire_worker', 'orderwire_migrate'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL; -- another has made it this moment
            END;
        END IF;
        IF NOT pg_has_role(current_user, name, able) THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', name);
        END IF;
        IF NOT has_schema_privilege(name, current_schema(), 'USAGE') THEN
            EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), name);
        END IF;
    END LOOP;
    IF NOT has_schema_privilege('orderwire_migrate', current_schema(), 'CREATE') THEN
        EXECUTE format('GRANT CREATE ON SCHEMA %I TO orderwire_migrate', current_schema());
    END IF;
    IF NOT has_schema_privilege('orderwire_migrate', current_schema(), 'CREATE') THEN
        RAISE insufficient_privilege USING MESSAGE = format('permission denied for schema %s', current_schema());
    END IF;

    -- Up to migration 10 tables belonged to the migrating user, and after pg_restore --no-owner they belong to the restoring user.
    FOR object IN
        SELECT format('TABLE %s', c.oid::regclass) FROM pg_class c
        LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class parent ON parent.oid = i.inhparent
        WHERE c.relnamespace = quote_ident(current_schema())::regnamespace AND c.relowner <> 'orderwire_migrate'::regrole
            AND c.relkind IN ('r', 'p', 'S') AND coalesce(parent.relname, c.relname) IN (
                'goose_db_version', 'settings', 'products', 'orders', 'payments', 'refunds', 'payment_attempts', 'order_work',
                'order_work_token', 'idempotency_keys', 'order_events', 'feed', 'event_log', 'feed_partitions', 'revocations',
                'known_users', 'audit_entries', 'webhook_inbox', 'reconciliation_differences', 'reconciliation',
                'webhook_endpoints', 'webhook_secrets', 'webhook_deliveries', 'webhook_fanout', 'webhook_replays', 'order_budgets',
                'attempt_budgets', 'address_budgets', 'charge_walks', 'orphaned_charges')
        UNION ALL
        SELECT format('FUNCTION %s', p.oid::regprocedure) FROM pg_proc p
        WHERE p.pronamespace = quote_ident(current_schema())::regnamespace AND p.proowner <> 'orderwire_migrate'::regrole AND p.proname IN ('refuse_change', 'refuse_move')
    LOOP
        EXECUTE format('ALTER %s OWNER TO orderwire_migrate', object);
    END LOOP;
END $$
