-- The same purchase by saldo as a bare function call: what PostgreSQL alone does with every row that
-- one purchase of a bot leaves behind, without a bot, a webhook, Redis or a round trip between
-- statements. `warung-bench` loads it into the bots' own database and calls it through pgbench.

CREATE FUNCTION bare_purchase(near bigint, wanted text) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    buyer bigint;
    purse bigint;
    goods record;
    the_nonce text := encode(uuid_send(gen_random_uuid()), 'hex');
    the_order uuid := gen_random_uuid();
    the_line uuid := gen_random_uuid();
    the_txn uuid := gen_random_uuid();
    unit bigint;
    after record;
    body jsonb := jsonb_build_object('text', repeat('x', 400));
BEGIN
    -- "beli": the message, the quote, the offer.
    SELECT customer_id, id INTO buyer, purse FROM ledger_account
        WHERE customer_id >= near ORDER BY customer_id LIMIT 1;
    INSERT INTO inbox (phone_number_id, key, kind, customer_id, payload, state, received_at, run_at,
                       done_at)
        VALUES ('bare', gen_random_uuid()::text, 'message', buyer, repeat('x', 200), 'done', now(),
                now(), now());
    SELECT v.id, v.price, p.name_id AS name INTO goods
        FROM variant v JOIN product p ON p.id = v.product_id WHERE v.sku = wanted;
    INSERT INTO quote (nonce, customer_id, lines, from_cart, subtotal, shipping, total, created_at,
                       expires_at)
        VALUES (the_nonce, buyer, jsonb_build_array(jsonb_build_object('sku', wanted)), false,
                goods.price, 0, goods.price, now(), now() + interval '15 minutes');
    INSERT INTO outbox (customer_id, priority, payload, state, run_at, created_at, sent_at, wamid)
        VALUES (buyer, 2, body, 'sent', now(), now(), now(), gen_random_uuid()::text);

    -- The tap: fence and limit, the order, the money, the receipt, the stock.
    INSERT INTO inbox (phone_number_id, key, kind, customer_id, payload, state, received_at, run_at,
                       done_at)
        VALUES ('bare', gen_random_uuid()::text, 'message', buyer, repeat('x', 200), 'done', now(),
                now(), now());
    INSERT INTO lock_fence (resource, token) VALUES ('bare:' || buyer, nextval('fence_token'))
        ON CONFLICT (resource) DO UPDATE SET token = excluded.token
        WHERE lock_fence.token <= excluded.token;
    PERFORM count(*) FROM orders
        WHERE customer_id = buyer AND created_at > now() - interval '1 minute';
    INSERT INTO orders (id, number, customer_id, quote_nonce, state, subtotal, total, saldo_part,
                        paid, digital, created_at, version)
        VALUES (the_order, the_order::text, buyer, the_nonce, 'completed', goods.price, goods.price,
                goods.price, goods.price, true, now(), 4);
    INSERT INTO order_line (id, order_id, variant_id, name, kind, qty, unit_price)
        VALUES (the_line, the_order, goods.id, goods.name, 'digital', 1, goods.price);
    INSERT INTO order_event (order_id, version, from_state, to_state, actor, reason, at) VALUES
        (the_order, 1, 'draft', 'awaiting_payment', 'customer', 'quote confirmed', now()),
        (the_order, 2, 'awaiting_payment', 'paid', 'customer', 'paid from saldo', now()),
        (the_order, 3, 'paid', 'fulfilling', 'customer', 'goods in the receipt', now()),
        (the_order, 4, 'fulfilling', 'completed', 'customer', 'goods in the receipt', now());
    INSERT INTO ledger_txn (id, kind, source_type, source_id, actor, event_at)
        VALUES (the_txn, 'purchase', 'order', the_order::text, 'customer', now());
    UPDATE ledger_account SET posted = posted - goods.price, version = version + 1
        WHERE id = purse RETURNING posted, version INTO after;
    INSERT INTO ledger_entry (txn_id, line, account_id, amount, account_version, balance_after)
        SELECT the_txn, 1, purse, -goods.price, after.version, after.posted
        UNION ALL
        SELECT the_txn, 2, id, goods.price, NULL, NULL FROM ledger_account WHERE code = 'sales';
    SELECT id INTO unit FROM stock_unit
        WHERE variant_id = goods.id AND order_line_id IS NULL
        ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF unit IS NULL THEN
        RAISE EXCEPTION '% is sold out', wanted;
    END IF;
    UPDATE stock_unit SET order_line_id = the_line, sold_at = now() WHERE id = unit;
    UPDATE conversation SET state = body WHERE customer_id = buyer;
    INSERT INTO outbox (customer_id, priority, payload, state, run_at, created_at, sent_at, wamid)
        VALUES (buyer, 1, body, 'sent', now(), now(), now(), gen_random_uuid()::text);
    UPDATE stock_item SET on_hand = on_hand - 1 WHERE variant_id = goods.id;
    INSERT INTO stock_reservation (order_line_id, variant_id, qty, state, expires_at)
        VALUES (the_line, goods.id, 1, 'committed', now());
    INSERT INTO stock_movement (variant_id, delta, reason, actor, order_line_id, at)
        VALUES (goods.id, -1, 'sale', 'customer', the_line, now());
    RETURN the_order;
END $$;

-- 40 products of its own with 1,000 units each: what the bots sell stays theirs.
INSERT INTO category (slug, name_id, name_en) VALUES ('bare', 'bare', 'bare');
INSERT INTO product (category_id, name_id, name_en, kind)
    SELECT c.id, 'Bare ' || n, 'Bare ' || n, 'digital'
    FROM category c, generate_series(0, 39) AS n WHERE c.slug = 'bare';
INSERT INTO variant (product_id, sku, price, reseller_price)
    SELECT p.id, 'BARE-' || split_part(p.name_id, ' ', 2), 10000, 9000
    FROM product p JOIN category c ON c.id = p.category_id WHERE c.slug = 'bare';
INSERT INTO stock_item (variant_id, on_hand)
    SELECT id, 1000 FROM variant WHERE sku LIKE 'BARE-%';
INSERT INTO stock_movement (variant_id, delta, reason, actor, at)
    SELECT id, 1000, 'units', 'bench', now() FROM variant WHERE sku LIKE 'BARE-%';
INSERT INTO stock_unit (variant_id, fingerprint, secret)
    SELECT v.id, decode(md5(v.sku || n), 'hex'), decode(md5(n::text), 'hex')
    FROM variant v, generate_series(1, 1000) AS n WHERE v.sku LIKE 'BARE-%';
ANALYZE;
