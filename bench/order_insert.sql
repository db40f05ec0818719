-- One order with two lines, an outbox row and two stock decrements: what accepting an order costs PostgreSQL at least.
\set a random(1, 1000)
\set b random(1, 1000)
\set low least(:a, :b)
\set high greatest(:a, :b)
BEGIN;
INSERT INTO bench_order (person, total, status) VALUES (:a, 20000, 'placed') RETURNING id \gset
INSERT INTO bench_line (order_id, n, sku, quantity, amount) VALUES (:id, 1, :low, 1, 10000), (:id, 2, :high, 1, 10000);
INSERT INTO bench_outbox (key, value) VALUES (:id, repeat('x', 900));
UPDATE bench_stock SET available = available - 1 WHERE sku = :low;
UPDATE bench_stock SET available = available - 1 WHERE sku = :high;
COMMIT;
