-- Gives a position to every event that is committed and has none, in one statement and so in one snapshot.
--
-- event_log.seen is a snapshot whose visible events all have a position. New are exactly those that are visible now and
-- were not then: their transaction had not begun (xid >= its xmax) or was still running (xid in its xip list). What runs
-- or waits now is not visible now, so it stays outside of the next `seen` too and is found when it commits, however late.
--
-- Parameters: 1 fence, 2 position, 3 epoch, 4 xmax and 5 xip of `seen`, all as the holder knows them; 6 how many events
-- to take at most; 7 the lease in seconds.
WITH late AS MATERIALIZED (
    -- One by one, because up to PostgreSQL 16 a plan that was made while the log was empty reads all of an epoch for ANY.
    SELECT e.* FROM unnest($5::text[]::xid8[]) AS running (xid)
    CROSS JOIN LATERAL (SELECT order_id, version, xid FROM order_events WHERE log_epoch = $3 AND xid = running.xid OFFSET 0) e
), next AS MATERIALIZED (
    -- Whole transactions, the oldest first: what `seen` says of a transaction it says of all its events.
    SELECT order_id, version, xid FROM order_events
    WHERE log_epoch = $3 AND xid >= $4::text::xid8
    ORDER BY xid FETCH FIRST $6 ROWS WITH TIES
), found AS MATERIALIZED (
    SELECT * FROM late UNION ALL SELECT * FROM next
), held AS MATERIALIZED (
    -- The fence: a holder whose lease has ended, or that missed an assignment of its own, changes nothing. Nothing is
    -- locked when there is nothing to do.
    SELECT position, settled, mark FROM event_log
    WHERE fence = $1 AND position = $2 AND leased_until > clock_timestamp() AND EXISTS (SELECT FROM found)
    FOR UPDATE
), todo AS MATERIALIZED (
    -- Of each order all versions up to the newest found. An order's writers queue for its row, so when a version is
    -- visible the one before is too; but its transaction may have the higher number, beyond what `next` was cut at. Such
    -- rows are after `settled`, so that only the newest partition of the feed is searched.
    SELECT e.order_id, e.version, e.customer_id, e.xid, uuid_hash_extended(e.id, 0) AS hash
    FROM (SELECT order_id, max(version) AS newest FROM found WHERE EXISTS (SELECT FROM held) GROUP BY order_id) o
    CROSS JOIN LATERAL (SELECT coalesce(max(f.version), 0) AS version FROM feed f
        WHERE f.order_id = o.order_id AND f.position > (SELECT settled FROM held)) placed
    -- OFFSET keeps the last condition out, or a plan that was made when the log was small goes through all of an epoch for it.
    CROSS JOIN LATERAL (SELECT * FROM order_events e
        WHERE e.order_id = o.order_id AND e.version > placed.version AND e.version <= o.newest OFFSET 0) e
    WHERE e.log_epoch = $3 AND (e.xid >= $4::text::xid8 OR e.xid = ANY ($5::text[]::xid8[]))
), numbered AS (
    -- In the order of transactions, except that no version comes before the one it follows: a transaction may get its
    -- number first and the order's lock second.
    -- A position's mark is that of the log before its first position, exclusive-or a hash of each event's id up to there: two
    -- logs that agree on it hold the same events up to the position.
    SELECT order_id, version, customer_id, row_number() OVER turns AS n, bit_xor(hash) OVER turns AS hash
    FROM (SELECT *, max(xid::text::bigint) OVER (PARTITION BY order_id ORDER BY version) AS turn FROM todo) t
    WINDOW turns AS (ORDER BY turn, order_id, version)
), placed AS (
    INSERT INTO feed (position, order_id, version, customer_id, mark)
    SELECT held.position + n, order_id, version, customer_id, held.mark # hash FROM numbered, held
), cut AS (
    -- Where `next` ended by its limit, `seen` may only go as far: this snapshot, ended after that transaction.
    SELECT CASE WHEN (SELECT count(*) FROM next) >= $6
        THEN (SELECT max(xid::text::bigint) + 1 FROM next)
        ELSE pg_snapshot_xmax(pg_current_snapshot())::text::bigint END AS xmax
), running AS (
    SELECT array_agg(xid ORDER BY xid) AS xip
    FROM (SELECT pg_snapshot_xip(pg_current_snapshot())::text::bigint AS xid) r, cut WHERE xid < cut.xmax
), moved AS (
    UPDATE event_log SET
        position = held.position + (SELECT count(*) FROM numbered),
        mark = held.mark # coalesce((SELECT bit_xor(hash) FROM todo), 0),
        settled = CASE WHEN (SELECT count(*) FROM next) >= $6 THEN held.settled
            ELSE held.position + (SELECT count(*) FROM numbered) END,
        seen = format('%s:%s:%s', coalesce(running.xip[1], cut.xmax), cut.xmax, array_to_string(running.xip, ','))::pg_snapshot,
        leased_until = clock_timestamp() + make_interval(secs => $7)
    FROM held, cut, running
    WHERE fence = $1
    RETURNING event_log.position, event_log.seen
)
SELECT (SELECT count(*) FROM found) AS found,
    coalesce(position, 0) AS position,
    coalesce(pg_snapshot_xmax(seen)::text, '') AS xmax,
    coalesce(ARRAY(SELECT pg_snapshot_xip(seen)::text), '{}') AS xip,
    (SELECT count(*) FROM next) >= $6 AS more,
    CASE WHEN position IS NOT NULL THEN pg_notify('orderwire_feed', position::text) IS NULL END AS notified
FROM (SELECT) one LEFT JOIN moved ON true
