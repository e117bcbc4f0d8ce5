-- Statements that must be refused, one a paragraph; "-- 403" or "-- 400" is the status that it must get.
-- The caller may read: orders, customers, stock, "in.c-crm.orders", empty. Everything else exists for others only.

-- 403 a table that is not granted
SELECT * FROM salaries

-- 403 one that does not exist looks the same
SELECT * FROM nope

-- 403
FROM salaries

-- 403
TABLE salaries

-- 403
SELECT o.id, s.amount FROM orders o JOIN salaries s ON s.id = o.id

-- 403
SELECT (SELECT max(amount) FROM salaries)

-- 403
SELECT 1 WHERE EXISTS (FROM salaries)

-- 403
SELECT 1 WHERE 1 IN (SELECT id FROM salaries)

-- 403
SELECT 1 WHERE 1 = ANY (SELECT id FROM salaries)

-- 403
SELECT ARRAY(SELECT id FROM salaries)

-- 403
SELECT [x + (SELECT max(amount) FROM salaries) FOR x IN [1]]

-- 403
SELECT list_transform([1], lambda x: x + (SELECT max(amount) FROM salaries))

-- 403
SELECT CASE WHEN (SELECT true FROM salaries) THEN 1 END

-- 403
SELECT CASE WHEN true THEN 1 ELSE (SELECT 1 FROM salaries) END

-- 403
SELECT 1 BETWEEN 0 AND (SELECT max(amount) FROM salaries)

-- 403
SELECT (SELECT amount FROM salaries)::VARCHAR

-- 403
SELECT (SELECT 'a' FROM salaries) COLLATE NOCASE

-- 403
SELECT {'a': (SELECT 1 FROM salaries)}

-- 403
SELECT sum(id) FILTER (WHERE EXISTS (FROM salaries)) FROM orders

-- 403
SELECT list(id ORDER BY (SELECT 1 FROM salaries)) FROM orders

-- 403
SELECT sum(id) OVER (PARTITION BY (SELECT 1 FROM salaries)) FROM orders

-- 403
SELECT sum(id) OVER (ORDER BY (SELECT 1 FROM salaries)) FROM orders

-- 403
SELECT sum(id) OVER (ORDER BY id ROWS (SELECT 1 FROM salaries) PRECEDING) FROM orders

-- 403
SELECT lag(id, (SELECT 1 FROM salaries), 0) OVER () FROM orders

-- 403
SELECT sum(id) OVER w FROM orders WINDOW w AS (PARTITION BY (SELECT 1 FROM salaries))

-- 403
SELECT id FROM orders ORDER BY (SELECT 1 FROM salaries)

-- 403
SELECT id FROM orders LIMIT (SELECT 1 FROM salaries)

-- 403
SELECT id FROM orders LIMIT 1 OFFSET (SELECT 1 FROM salaries)

-- 403
SELECT DISTINCT ON ((SELECT 1 FROM salaries)) id FROM orders

-- 403
SELECT id FROM orders GROUP BY id, (SELECT 1 FROM salaries)

-- 403
SELECT id FROM orders GROUP BY id HAVING (SELECT true FROM salaries)

-- 403
SELECT row_number() OVER () AS n FROM orders QUALIFY n = (SELECT 1 FROM salaries)

-- 403
SELECT * FROM orders JOIN customers ON (SELECT true FROM salaries)

-- 403
SELECT * FROM orders, LATERAL (SELECT * FROM salaries)

-- 403
SELECT * FROM orders POSITIONAL JOIN salaries

-- 403
SELECT * FROM orders ASOF JOIN salaries USING (id)

-- 403
SELECT * FROM orders SEMI JOIN salaries USING (id)

-- 403
SELECT * FROM orders ANTI JOIN salaries USING (id)

-- 403
SELECT * FROM (VALUES ((SELECT max(amount) FROM salaries)))

-- 403
VALUES ((SELECT max(amount) FROM salaries))

-- 403
SELECT * FROM range((SELECT count(*) FROM salaries))

-- 403
SELECT unnest((SELECT list(amount) FROM salaries))

-- 403
SELECT * FROM unnest((SELECT list(amount) FROM salaries))

-- 403
SELECT COLUMNS(c -> (SELECT true FROM salaries)) FROM orders

-- 403
SELECT * REPLACE ((SELECT max(amount) FROM salaries) AS id) FROM orders

-- 403
SELECT 1 UNION ALL SELECT amount FROM salaries

-- 403
SELECT 1 EXCEPT SELECT amount FROM salaries

-- 403
(SELECT 1) INTERSECT (SELECT amount FROM salaries)

-- 403
SELECT * FROM orders UNION ALL BY NAME SELECT * FROM salaries

-- 403
WITH x AS (SELECT * FROM salaries) SELECT 1

-- 403
WITH x AS MATERIALIZED (SELECT * FROM salaries) SELECT 1

-- 403 a CTE does not see itself
WITH salaries AS (SELECT * FROM salaries) SELECT * FROM salaries

-- 403 nor what comes after it
WITH x AS (SELECT * FROM salaries), salaries AS (SELECT 1) SELECT * FROM x

-- 403 a CTE of an inner query is not seen outside
SELECT * FROM (WITH salaries AS (SELECT 1) SELECT * FROM salaries) a, salaries b

-- 403 nor in its sibling
SELECT (WITH salaries AS (SELECT 1) SELECT 1 FROM salaries), (SELECT 1 FROM salaries)

-- 403 a qualified name is not a CTE
WITH salaries AS (SELECT 1) SELECT * FROM main.salaries

-- 403
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r, salaries WHERE n < 3) SELECT * FROM r

-- 403
WITH RECURSIVE r AS (SELECT id AS n FROM salaries UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT * FROM r

-- 403 an alias is not a table
SELECT * FROM orders salaries, (SELECT * FROM salaries) x

-- 403
SELECT * FROM main.salaries

-- 403
SELECT * FROM memory.main.salaries

-- 403
SELECT * FROM memory.salaries

-- 403
SELECT * FROM demo.salaries

-- 403
SELECT * FROM demo.orders

-- 403
SELECT * FROM "extract".main.margins

-- 403 another table of the same extract
SELECT * FROM margins

-- 403
SELECT * FROM recurring.orders

-- 403
SELECT * FROM "SALARIES"

-- 403
SELECT * FROM 'salaries'

-- 403
SELECT * FROM E'salar\x69es'

-- 403
SELECT * FROM E'\163alaries'

-- 403
FROM "salaries" /* orders */

-- 403
SELECT/**/*/**/FROM/**/salaries

-- 403
PIVOT salaries ON id IN (1, 2) USING sum(amount)

-- 403
PIVOT salaries ON id USING sum(amount)

-- 403
PIVOT orders ON currency USING max((SELECT max(amount) FROM salaries))

-- 403
PIVOT (SELECT * FROM orders, salaries) ON currency USING count(*)

-- 403
WITH p AS (PIVOT salaries ON id USING sum(amount)) FROM p

-- 403
SELECT * FROM (PIVOT salaries ON id USING sum(amount))

-- 403
FROM salaries PIVOT (sum(amount) FOR id IN (1, 2))

-- 403
UNPIVOT salaries ON amount

-- 403
UNPIVOT (SELECT * FROM salaries) ON COLUMNS(*)

-- 403
DESCRIBE salaries

-- 403
DESC salaries

-- 403
SHOW salaries

-- 403
SUMMARIZE salaries

-- 403
DESCRIBE SELECT * FROM salaries

-- 403
SUMMARIZE SELECT * FROM salaries

-- 403
SELECT * FROM (DESCRIBE salaries)

-- 403
SELECT * FROM (SUMMARIZE salaries)

-- 403
EXPLAIN SELECT * FROM salaries

-- 403
EXPLAIN ANALYZE SELECT * FROM salaries

-- 403
EXPLAIN (FORMAT json) SELECT * FROM salaries

-- 403
EXPLAIN (ANALYZE, FORMAT json) FROM salaries

-- 403 lists of tables
SHOW TABLES

-- 403
SHOW ALL TABLES

-- 403
SHOW DATABASES

-- 403
SHOW SCHEMAS

-- 403
SHOW TABLES FROM main

-- 403
SHOW VARIABLES

-- 403
DESCRIBE

-- 403
SHOW

-- 403
SELECT name FROM (SHOW TABLES)

-- 403
SELECT * FROM (SHOW ALL TABLES)

-- 403
SELECT * FROM (SHOW DATABASES)

-- 403
DESCRIBE "tables"

-- 403
SHOW "databases"

-- 400
WITH t AS (SHOW TABLES) SELECT * FROM t

-- 403 SQL and names in texts
SELECT * FROM query('SELECT count(*) AS n FROM sala' || 'ries')

-- 403
SELECT * FROM query('FROM orders')

-- 403
SELECT * FROM query_table('salaries')

-- 403
SELECT * FROM query_table(['orders', 'salaries'])

-- 403
SELECT * FROM query_table('orders')

-- 403
SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))

-- 403
SELECT * FROM histogram('salaries', amount)

-- 403
SELECT * FROM histogram_values(salaries, amount)

-- 403
SELECT * FROM seq_scan()

-- 403
SELECT * FROM "query"('FROM salaries')

-- 403
SELECT * FROM main.query('FROM salaries')

-- 403
SELECT * FROM system.main.query('FROM salaries')

-- 400
SELECT json_serialize_plan('SELECT * FROM salaries')

-- 400
SELECT json_serialize_sql('SELECT 1')

-- 400
SELECT json_deserialize_sql(json('{}'))

-- 400 system catalogs
SELECT * FROM information_schema.tables

-- 400
SELECT * FROM information_schema.columns

-- 400
SELECT * FROM "INFORMATION_SCHEMA"."TABLES"

-- 400
SELECT * FROM system.information_schema.tables

-- 400
SELECT * FROM pg_catalog.pg_class

-- 400
SELECT * FROM pg_catalog.pg_tables

-- 400
SELECT * FROM system.main.duckdb_tables

-- 400
SELECT * FROM temp.main.x

-- 403
SELECT * FROM sqlite_master

-- 403
SELECT name, sql FROM sqlite_schema

-- 403
SELECT * FROM duckdb_tables

-- 403
SELECT * FROM duckdb_views

-- 403
SELECT * FROM duckdb_columns

-- 403
SELECT * FROM duckdb_logs

-- 403
SELECT * FROM pg_class

-- 403
SELECT * FROM pg_views

-- 403
SELECT * FROM pragma_database_list

-- 403
DESCRIBE sqlite_master

-- 400
SELECT * FROM duckdb_tables()

-- 400
SELECT * FROM duckdb_settings()

-- 400
SELECT * FROM duckdb_secrets()

-- 400
SELECT * FROM duckdb_functions()

-- 400
SELECT * FROM pragma_table_info('salaries')

-- 400
SELECT * FROM pragma_show('salaries')

-- 400
SELECT * FROM pragma_storage_info('salaries')

-- 400
SELECT * FROM pragma_metadata_info()

-- 400
SELECT pg_get_viewdef(1)

-- 400
SELECT current_setting('allowed_paths')

-- 400
SELECT current_setting('temp_directory')

-- 400
SELECT current_schemas(true)

-- 400
SELECT getenv('HOME')

-- 400
SELECT getvariable('x')

-- 400
SELECT nextval('s')

-- 400
SELECT stats(id) FROM orders

-- 400
SELECT write_log('x')

-- 400
SELECT sleep_ms(100000)

-- 400
SELECT pg_sleep(1000)

-- 400 files
SELECT * FROM 'x.csv'

-- 400
SELECT * FROM '/etc/passwd'

-- 400
SELECT * FROM '../salaries.parquet'

-- 400
SELECT * FROM "salaries.parquet"

-- 400
SELECT * FROM E'salaries\x2eparquet'

-- 400
SELECT * FROM 's3://bucket/x.parquet'

-- 400
SELECT * FROM 'https://example.com/x.json'

-- 400
SELECT * FROM '*.parquet'

-- 400
SELECT * FROM read_csv('x.csv')

-- 400
SELECT * FROM read_csv_auto('x.csv')

-- 400
SELECT * FROM read_parquet('salaries.parquet')

-- 400
SELECT * FROM parquet_scan('salaries.parquet')

-- 400
SELECT * FROM read_json('x.json')

-- 400
SELECT * FROM read_ndjson_objects('x.json')

-- 400
SELECT * FROM read_text('/etc/passwd')

-- 400
SELECT * FROM read_blob('/etc/passwd')

-- 400
SELECT * FROM read_duckdb('x.duckdb')

-- 400
SELECT * FROM glob('*')

-- 400
SELECT * FROM sniff_csv('x.csv')

-- 400
SELECT * FROM parquet_metadata('salaries.parquet')

-- 400
SELECT * FROM parquet_schema('salaries.parquet')

-- 400
SELECT * FROM parquet_kv_metadata('salaries.parquet')

-- 400
SELECT * FROM which_secret('s3://x', 's3')

-- 400
SELECT * FROM arrow_scan(1, 2, 3)

-- 400
SELECT * FROM test_all_types()

-- 400
SELECT * FROM sql_auto_complete('SELECT * FROM ')

-- 400
SELECT * FROM checkpoint()

-- 400
SELECT * FROM force_checkpoint()

-- 400
SELECT * FROM enable_logging()

-- 400
SELECT * FROM enable_profiling()

-- 400
SELECT upper(x) FROM read_csv('y') t(x)

-- 400 functions that a name before the dot does not hide
SELECT main.current_setting('threads')

-- 400
SELECT system.main.current_setting('threads')

-- 400
SELECT 'threads'.current_setting()

-- 400
SELECT list_transform(['threads'], lambda x: current_setting(x))

-- 400
SELECT count(*) FILTER (WHERE current_setting('threads') = 1) FROM orders

-- 400 statements that change something
INSERT INTO orders SELECT * FROM orders

-- 400
UPDATE orders SET total = 0

-- 400
DELETE FROM orders

-- 400
TRUNCATE orders

-- 400
MERGE INTO orders USING customers ON true WHEN MATCHED THEN DELETE

-- 400
DROP VIEW orders

-- 400
DROP TABLE IF EXISTS x

-- 400
CREATE TABLE x AS SELECT 1

-- 400
CREATE TEMP TABLE x (a INT)

-- 400
CREATE OR REPLACE VIEW orders AS SELECT 1

-- 400
CREATE MACRO upper(x) AS (SELECT 1)

-- 400
CREATE TYPE t AS ENUM ('a')

-- 400
CREATE SCHEMA s

-- 400
CREATE SEQUENCE s

-- 400
CREATE SECRET s (TYPE s3)

-- 400
CREATE PERSISTENT SECRET s (TYPE s3)

-- 400
CREATE INDEX i ON orders (id)

-- 400
ALTER TABLE orders RENAME TO x

-- 400
COMMENT ON TABLE orders IS 'x'

-- 400
COPY orders TO 'x.csv'

-- 400
COPY (SELECT 1) TO '/tmp/x.parquet'

-- 400
COPY orders FROM 'x.csv'

-- 400
COPY FROM DATABASE memory TO x

-- 400
EXPORT DATABASE 'x'

-- 400
IMPORT DATABASE 'x'

-- 400
ATTACH 'x.duckdb'

-- 400
ATTACH ':memory:' AS x

-- 400
DETACH memory

-- 400
USE memory

-- 400
LOAD httpfs

-- 400
INSTALL httpfs

-- 400
FORCE INSTALL httpfs FROM 'http://example.com'

-- 400
UPDATE EXTENSIONS

-- 400
SET threads = 1

-- 400
SET GLOBAL enable_external_access = true

-- 400
SET VARIABLE x = 1

-- 400
SET VARIABLE x = (SELECT max(amount) FROM salaries)

-- 400
RESET threads

-- 400
PRAGMA database_list

-- 400
PRAGMA table_info('salaries')

-- 400
PRAGMA show_tables

-- 400
PRAGMA enable_profiling

-- 400
PRAGMA version

-- 400
CALL pragma_version()

-- 400
CALL range(3)

-- 400
CALL query('FROM salaries')

-- 400
CHECKPOINT

-- 400
VACUUM

-- 400
ANALYZE

-- 400
BEGIN

-- 400
COMMIT

-- 400
ROLLBACK

-- 400
PREPARE p AS SELECT 1

-- 400
EXECUTE p

-- 400
DEALLOCATE p

-- 400 several statements
SELECT 1; SELECT 2

-- 400
SELECT 1; DROP VIEW orders

-- 400
;SELECT 1; SELECT 2;

-- 400
PIVOT orders ON currency USING count(*); SELECT 1

-- 400
SELECT 1; PIVOT orders ON currency USING count(*)

-- 400
CREATE TYPE t AS ENUM ('a'); PIVOT orders ON currency USING count(*)

-- 400 EXPLAIN of what may not run
EXPLAIN INSERT INTO orders SELECT 1

-- 400
EXPLAIN ANALYZE CREATE TABLE x AS SELECT 1

-- 400
EXPLAIN COPY orders TO 'x.csv'

-- 400
EXPLAIN ANALYZE DELETE FROM orders

-- 400
EXPLAIN SELECT * FROM read_csv('/etc/passwd')

-- 400
EXPLAIN SELECT 1; SELECT 2

-- 400
EXPLAIN EXPLAIN SELECT 1

-- 400
EXPLAIN

-- 400
EXPLAIN ANALYZE

-- 400
EXPLAIN (FORMAT html) SELECT 1

-- 400
EXPLAIN (FORMAT json, SELECT 1)

-- 400 parameters, which have no values here
SELECT $1

-- 400
SELECT ?

-- 400
SELECT $name

-- 400
SELECT * FROM orders LIMIT ?

-- 400 types named through a schema, and PIVOT over a named type
SELECT 1::main.mytype

-- 400
FROM orders PIVOT (sum(total) FOR currency IN my_enum)

-- 400
SELECT * FROM orders AT (VERSION => 1)

-- 400 CTEs that change something
WITH x AS (INSERT INTO orders VALUES (1) RETURNING *) SELECT * FROM x

-- 400
WITH x AS (DELETE FROM orders RETURNING *) SELECT * FROM x

-- 400
WITH x AS (SELECT 1) INSERT INTO orders SELECT * FROM x

-- 400
SELECT 1 INTO x

-- 400 nothing to run
;

-- 400
;;;

-- 400
/* nothing */

-- 400 mistakes
SELECT FROM WHERE

-- 400
SELECT nope FROM orders

-- 400
SELECT 'unterminated

-- 400
SELECT "unterminated

-- 400
SELECT $$unterminated

-- 400
SELECT (1

-- 400
hello
