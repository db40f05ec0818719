-- The same where everybody wants one sku.
\set a random(1, 1000)
BEGIN;
INSERT INTO bench_order (person, total, status) VALUES (:a, 20000, 'placed') RETURNING id \gset
INSERT INTO bench_line (order_id, n, sku, quantity, amount) VALUES (:id, 1, 1, 1, 10000), (:id, 2, 1, 1, 10000);
INSERT INTO bench_outbox (key, value) VALUES (:id, repeat('x', 900));
UPDATE bench_stock SET available = available - 2 WHERE sku = 1;
COMMIT;
