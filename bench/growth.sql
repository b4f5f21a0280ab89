-- Fills a shop with valid rows: products GROW-000001…, customers with saldo, and an order each that
-- ran out unpaid. `warung-bench --only growth` calls it in chunks. Triggers and foreign keys are
-- looked at for none of the rows: the caller is a superuser who knows them to be right.

SET session_replication_role = replica;
SET synchronous_commit = off;

INSERT INTO category (slug, name_id, name_en)
    SELECT 'grow-' || n, 'Rak ' || n, 'Shelf ' || n FROM generate_series(0, 19) AS n
    ON CONFLICT DO NOTHING;

CREATE OR REPLACE FUNCTION grow_products(first bigint, last bigint) RETURNS void LANGUAGE sql AS $$
    INSERT INTO product (category_id, name_id, name_en, kind)
        SELECT c.id, name, name, 'physical'
        FROM generate_series(first, last) AS n
        CROSS JOIN LATERAL (SELECT concat_ws(' ',
            -- Every third product has a word of its own; kopi susu is one in sixty.
            CASE WHEN n % 3 = 1 THEN 'Langka' END,
            (ARRAY['Kopi', 'Teh', 'Gula', 'Beras', 'Sabun', 'Minyak', 'Garam', 'Tepung', 'Kecap',
                   'Sambal'])[1 + n % 10],
            (ARRAY['Susu', 'Hitam', 'Manis', 'Putih', 'Besar', 'Kecil'])[1 + n / 10 % 6],
            lpad(n::text, 6, '0')) AS name) named
        JOIN category c ON c.slug = 'grow-' || n % 20;
    INSERT INTO variant (product_id, sku, price, reseller_price, weight_grams)
        SELECT p.id, 'GROW-' || right(p.name_id, 6), 10000, 9000, 100
        FROM product p JOIN category c ON c.id = p.category_id
        WHERE c.slug LIKE 'grow-%'
          AND right(p.name_id, 6) BETWEEN lpad(first::text, 6, '0') AND lpad(last::text, 6, '0');
    INSERT INTO stock_item (variant_id, on_hand)
        SELECT id, 1000 FROM variant
        WHERE sku BETWEEN 'GROW-' || lpad(first::text, 6, '0') AND 'GROW-' || lpad(last::text, 6, '0');
    INSERT INTO stock_movement (variant_id, delta, reason, actor, at)
        SELECT id, 1000, 'import', 'bench', now() FROM variant
        WHERE sku BETWEEN 'GROW-' || lpad(first::text, 6, '0') AND 'GROW-' || lpad(last::text, 6, '0');
    -- What the trigger would have done: no cache serves what was there before.
    WITH raised AS (
        UPDATE catalog_version SET version = version + 1 WHERE tag = 'produk' RETURNING version
    )
    INSERT INTO outbox (topic, priority, payload, run_at, created_at)
        SELECT 'invalidate', 0, jsonb_build_object('tag', 'produk', 'version', version), now(), now()
        FROM raised;
$$;

CREATE OR REPLACE FUNCTION grow_customers(first bigint, last bigint) RETURNS void LANGUAGE sql AS $$
    WITH made AS (
        INSERT INTO customer (profile_name, created_at)
            SELECT 'Pelanggan ' || n, now() - interval '30 days' FROM generate_series(first, last) AS n
            RETURNING id, profile_name
    ), known AS (
        INSERT INTO customer_alias (kind, value, customer_id)
            SELECT 'wa_id', '62899' || lpad(split_part(profile_name, ' ', 2), 9, '0'), id FROM made
    ), talking AS (
        INSERT INTO conversation (customer_id) SELECT id FROM made
    )
    INSERT INTO ledger_account (code, kind, customer_id, bounded)
        SELECT 'saldo:' || id, 'liability', id, true FROM made;
$$;

-- Of the customers by their order: the n-th customer gets the n-th order.
CREATE OR REPLACE FUNCTION grow_orders(first bigint, last bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    CREATE TEMP TABLE grown ON COMMIT DROP AS
        SELECT n, c.id AS buyer, gen_random_uuid() AS order_id, gen_random_uuid() AS line_id,
               'grow-' || n AS nonce, v.id AS variant_id, p.name_id AS name, p.kind,
               now() - interval '30 days' + n * interval '1 second' AS at
        FROM (SELECT id, first - 1 + row_number() OVER (ORDER BY id) AS n
              FROM (SELECT id FROM customer ORDER BY id OFFSET first - 1 LIMIT last - first + 1
                   ) AS those) AS c
        JOIN variant v ON v.sku = 'GROW-' || lpad((1 + n % 1000)::text, 6, '0')
        JOIN product p ON p.id = v.product_id;
    INSERT INTO quote (nonce, customer_id, lines, from_cart, subtotal, shipping, total, created_at,
                       expires_at)
        SELECT nonce, buyer, '[]', false, 10000, 0, 10000, at, at + interval '15 minutes' FROM grown;
    INSERT INTO orders (id, number, customer_id, quote_nonce, state, subtotal, total, digital,
                        created_at, version)
        SELECT order_id, 'GRW-241126-' || (
                   SELECT string_agg(substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ',
                                            (1 + (n >> (5 * digit)) % 32)::int, 1), '')
                   FROM generate_series(0, 4) AS digit), buyer, nonce, 'expired', 10000, 10000,
               false, at, 2 FROM grown;
    INSERT INTO order_line (id, order_id, variant_id, name, kind, qty, unit_price)
        SELECT line_id, order_id, variant_id, name, kind, 1, 10000 FROM grown;
    INSERT INTO order_event (order_id, version, from_state, to_state, actor, reason, at)
        SELECT order_id, 1, 'draft', 'awaiting_payment', 'customer', 'quote confirmed', at FROM grown
        UNION ALL
        SELECT order_id, 2, 'awaiting_payment', 'expired', 'system', 'not paid in time', at FROM grown;
    INSERT INTO stock_reservation (order_line_id, variant_id, qty, state, expires_at)
        SELECT line_id, variant_id, 1, 'released', at FROM grown;
    DROP TABLE grown;
END $$;
