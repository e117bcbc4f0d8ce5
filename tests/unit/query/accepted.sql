-- Statements that must run, one a paragraph. A last line "-> [[...]]" gives the rows that they must answer.

SELECT 1
-> [[1]]

-- a comment before it
SELECT 1 -- and one behind
-> [[1]]

/* a /* nested */ one */ SELECT 1;
-> [[1]]

SELECT 1;;
-> [[1]]

SELECT 'salaries' AS word
-> [["salaries"]]

SELECT 'please update me; DROP TABLE x' AS "delete"
-> [["please update me; DROP TABLE x"]]

SELECT 1 AS salaries /* from salaries */
-> [[1]]

SELECT salaries.id FROM orders salaries WHERE salaries.id = 1
-> [[1]]

SELECT 'query_table(''salaries'')', $$FROM salaries$$, $x$a;b$x$, E'it\'s\n', 'it''s'
-> [["query_table('salaries')","FROM salaries","a;b","it's\n","it's"]]

SELECT id, day, total, currency, customer_id FROM orders WHERE id < 3 ORDER BY id
-> [[0,"2026-01-01",0.0,"EUR","c0"],[1,"2026-01-02",0.7,"USD","c1"],[2,"2026-01-03",1.4,"CZK","c2"]]

FROM orders SELECT count(*)
-> [[2000]]

FROM stock
-> [["item 0",0],["item 1",1],["item 2",2],["item 3",3],["item 4",4]]

FROM stock WHERE pieces > 3
-> [["item 4",4]]

TABLE stock

VALUES (1, 'a'), (2, 'b')
-> [[1,"a"],[2,"b"]]

SELECT count(*) FROM ORDERS o JOIN "Customers" c USING (customer_id) WHERE C.COUNTRY = 'CZ'
-> [[680]]

SELECT count(*) FROM main.orders
-> [[2000]]

SELECT count(*) FROM memory.main.orders
-> [[2000]]

SELECT count(*) FROM "in.c-crm.orders"
-> [[1000]]

SELECT count(*) FROM 'orders'
-> [[2000]]

SELECT memory.main.orders.id FROM orders LIMIT 1
-> [[0]]

WITH orders AS (SELECT 1 AS a) SELECT * FROM orders
-> [[1]]

WITH orders AS (SELECT * FROM orders WHERE id < 2) SELECT count(*) FROM orders
-> [[2]]

WITH salaries AS (SELECT 7 AS n) SELECT * FROM salaries
-> [[7]]

WITH salaries AS (SELECT 7 AS n) SELECT (SELECT n FROM salaries), (WITH x AS (FROM salaries) SELECT n FROM x)
-> [[7,7]]

WITH a AS MATERIALIZED (SELECT 1 AS x), b AS NOT MATERIALIZED (SELECT x + 1 AS y FROM a) SELECT * FROM a, b
-> [[1,2]]

WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT sum(n) FROM r
-> [[15]]

WITH RECURSIVE t(a, b) USING KEY (a) AS (SELECT 1, 1 UNION SELECT a, b + 1 FROM recurring.t WHERE b < 3) SELECT * FROM t
-> [[1,3]]

SELECT * FROM (SELECT 1 AS a) x NATURAL JOIN (SELECT 1 AS a) y
-> [[1]]

SELECT count(*) FROM orders o LEFT JOIN customers c ON o.customer_id = c.customer_id AND c.country = 'DE'
-> [[2000]]

SELECT count(*) FROM orders SEMI JOIN customers USING (customer_id)
-> [[2000]]

SELECT count(*) FROM orders ANTI JOIN customers USING (customer_id)
-> [[0]]

SELECT count(*) FROM stock a CROSS JOIN stock b
-> [[25]]

SELECT * FROM stock POSITIONAL JOIN range(2) LIMIT 3
-> [["item 0",0,0],["item 1",1,1],["item 2",2,null]]

SELECT s.item, t.x FROM stock s ASOF JOIN (VALUES (0, 'low'), (3, 'high')) t(p, x) ON s.pieces >= t.p ORDER BY 1
-> [["item 0","low"],["item 1","low"],["item 2","low"],["item 3","high"],["item 4","high"]]

SELECT o.id, x.y FROM orders o, LATERAL (SELECT o.id * 2 AS y) x WHERE o.id = 21
-> [[21,42]]

SELECT count(*) FROM orders o WHERE EXISTS (SELECT 1 FROM customers c WHERE c.customer_id = o.customer_id AND c.country = 'CZ')
-> [[680]]

SELECT id FROM orders WHERE id IN (SELECT pieces FROM stock) AND id NOT IN (1, 2) ORDER BY id DESC
-> [[4],[3],[0]]

SELECT (SELECT max(id) FROM orders), 5 > ALL (SELECT 1), 1 = ANY (SELECT id FROM orders), ARRAY(SELECT id FROM orders ORDER BY id LIMIT 2)
-> [[1999,true,true,[0,1]]]

SELECT currency FROM orders UNION SELECT 'GBP' EXCEPT SELECT 'USD' WHERE EXISTS (SELECT 1 FROM customers WHERE country = 'CZ') ORDER BY 1
-> [["CZK"],["EUR"],["GBP"]]

SELECT 1 AS a UNION ALL BY NAME SELECT 2 AS b ORDER BY ALL
-> [[1,null],[null,2]]

SELECT currency, count(*) AS n FROM orders GROUP BY ALL HAVING n > 600 ORDER BY ALL
-> [["CZK",666],["EUR",667],["USD",667]]

SELECT currency, grouping(currency) AS g, count(*) FROM orders GROUP BY ROLLUP (currency) ORDER BY g, currency
-> [["CZK",0,666],["EUR",0,667],["USD",0,667],[null,1,2000]]

SELECT count(*) FROM (SELECT currency, day FROM orders GROUP BY GROUPING SETS ((currency), (day), ()))
-> [[32]]

SELECT count(*) FROM (SELECT currency, day FROM orders GROUP BY CUBE (currency, day))
-> [[116]]

SELECT DISTINCT ON (currency) currency, id FROM orders ORDER BY currency, id
-> [["CZK",2],["EUR",0],["USD",1]]

SELECT id, row_number() OVER () AS n FROM orders QUALIFY n = 2
-> [[1,2]]

SELECT id, sum(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE NO OTHERS) FROM orders ORDER BY id LIMIT 3
-> [[0,0],[1,1],[2,3]]

SELECT id, lag(id, 1, -1) OVER w, first_value(id IGNORE NULLS) OVER w, ntile(4) OVER w, cume_dist() OVER w = 0 FROM orders WINDOW w AS (ORDER BY id) ORDER BY id LIMIT 2
-> [[0,-1,0,1,false],[1,0,0,1,false]]

SELECT rank() OVER (ORDER BY currency), dense_rank() OVER (ORDER BY currency), percent_rank() OVER (ORDER BY id) FROM orders ORDER BY id LIMIT 1
-> [[667,2,0.0]]

SELECT fill(x) OVER (ORDER BY i) FROM (VALUES (1, 1.0), (2, NULL), (3, 3.0)) t(i, x)
-> [["1.0"],["2.0"],["3.0"]]

SELECT count(*) FROM orders TABLESAMPLE reservoir(10 ROWS) REPEATABLE (42)
-> [[10]]

SELECT count(*) FROM (FROM orders USING SAMPLE 10 ROWS)
-> [[10]]

SELECT id FROM orders ORDER BY id LIMIT 1 OFFSET 2
-> [[2]]

SELECT count(*) FROM (SELECT id FROM orders LIMIT 10%)
-> [[200]]

SELECT #1 FROM stock ORDER BY ALL LIMIT 1
-> [["item 0"]]

SELECT * EXCLUDE (day, stock.item) REPLACE (pieces + 1 AS pieces) RENAME (z AS n) FROM stock, (SELECT 1 AS day, 2 AS z) ORDER BY ALL LIMIT 1
-> [[1,2]]

SELECT COLUMNS('^(id|total)$') FROM orders ORDER BY id LIMIT 1
-> [[0,0.0]]

SELECT min(COLUMNS(c -> c LIKE 'i%')) FROM orders
-> [[0]]

SELECT greatest(*COLUMNS(['id', 'total'])) FROM orders ORDER BY id LIMIT 1
-> [[0.0]]

SELECT orders FROM orders ORDER BY id LIMIT 1
-> [[{"id":0,"day":"2026-01-01","total":0.0,"currency":"EUR","customer_id":"c0"}]]

PIVOT orders ON currency IN ('EUR', 'USD') USING count(*) GROUP BY day ORDER BY day LIMIT 1
-> [["2026-01-01",24,24]]

PIVOT orders ON currency USING count(*) AS n, max(id) GROUP BY day ORDER BY day LIMIT 1
-> [["2026-01-01",24,1988,24,1932,24,1960]]

PIVOT orders ON currency USING count(*) GROUP BY day ORDER BY day LIMIT 1;
-> [["2026-01-01",24,24,24]]

PIVOT (FROM orders JOIN customers USING (customer_id)) ON country, currency IN ('EUR') USING count(*) GROUP BY day ORDER BY day LIMIT 1

PIVOT orders JOIN customers USING (customer_id) ON country USING count(*) GROUP BY currency ORDER BY currency
-> [["CZK",204,231,231],["EUR",238,198,231],["USD",238,231,198]]

SELECT * FROM (PIVOT orders ON currency USING count(*) GROUP BY day) ORDER BY day LIMIT 1
-> [["2026-01-01",24,24,24]]

WITH p AS (PIVOT orders ON currency || '-' || (id % 2) USING count(*) GROUP BY day) SELECT count(*) FROM p
-> [[28]]

PIVOT_WIDER stock ON item USING max(pieces)
-> [[0,1,2,3,4]]

FROM orders PIVOT (count(*) FOR currency IN ('EUR', 'USD') GROUP BY day) ORDER BY day LIMIT 1
-> [["2026-01-01",24,24]]

UNPIVOT (SELECT 1 AS a, 2 AS b) ON a, b INTO NAME n VALUE v
-> [["a",1],["b",2]]

UNPIVOT stock ON COLUMNS(* EXCLUDE (item)) LIMIT 1
-> [["item 0","pieces",0]]

FROM (SELECT 1 AS a, NULL AS b) UNPIVOT INCLUDE NULLS (v FOR n IN (a, b))
-> [["a",1],["b",null]]

DESCRIBE stock
-> [["item","VARCHAR","YES",null,null,null],["pieces","BIGINT","YES",null,null,null]]

DESC main.stock

SHOW stock

DESCRIBE SELECT 1 AS a
-> [["a","INTEGER","YES",null,null,null]]

SELECT column_name, column_type FROM (DESCRIBE orders)
-> [["id","BIGINT"],["day","DATE"],["total","DOUBLE"],["currency","VARCHAR"],["customer_id","VARCHAR"]]

SUMMARIZE stock

SELECT column_name, max FROM (SUMMARIZE SELECT id FROM orders)
-> [["id","1999"]]

EXPLAIN SELECT * FROM orders

explain analyze SELECT count(*) FROM orders JOIN customers USING (customer_id)

EXPLAIN (FORMAT json) FROM orders

EXPLAIN (ANALYZE, FORMAT json) FROM orders

EXPLAIN (SELECT 1)

EXPLAIN DESCRIBE orders

SELECT * FROM unnest([1, 2]) WITH ORDINALITY x(a, b)
-> [[1,1],[2,2]]

SELECT * FROM range(2), generate_series(1, 2) ORDER BY ALL
-> [[0,1],[0,2],[1,1],[1,2]]

SELECT unnest([1, 2]), unnest({'a': 1, 'b': 2})
-> [[1,1,2],[2,1,2]]

SELECT unnest([{'a': [1, 2]}], recursive := true)

SELECT key, value FROM json_each('{"a": 1, "b": 2}')
-> [["a","1"],["b","2"]]

SELECT count(*) FROM json_tree('{"a": [1]}')
-> [[3]]

SELECT count(*) > 0 FROM pg_timezone_names()
-> [[true]]

SELECT * FROM repeat('x', 2)
-> [["x"],["x"]]

SELECT list_transform([1, 2], x -> x + 1), list_filter([1, 2], lambda x: x > 1), [x * 2 FOR x IN [1, 2, 3] IF x > 1], list_reduce([1, 2, 3], (a, b) -> a + b)
-> [[[2,3],[2],[4,6],6]]

SELECT {'a': {'b': 2}}.a.b, [1, 2, 3][2], [1, 2, 3][2:3], [1, 2, 3][-1], 'hello'[1:2], MAP {'k': 1}['k']
-> [[2,2,[2,3],3,"he",1]]

SELECT [3, 1, 2][1:2], list_sort([3, 1, 2]), list_reverse([1, 2]), list_distinct([1, 1]), flatten([[1], [2, 3]]), list_zip([1], [2])
-> [[[3,1],[1,2,3],[2,1],[1],[1,2,3],[[1,2]]]]

SELECT name.lower().upper() FROM customers ORDER BY name LIMIT 1
-> [["NAME 0"]]

SELECT ('a').upper(), [1, 2].list_sum()
-> [["A",3]]

SELECT CASE WHEN true THEN 'a' ELSE 'b' END, CASE 1 WHEN 1 THEN 'x' END, if(true, 1, 2), coalesce(NULL, 1), ifnull(NULL, 2), nullif(1, 1)
-> [["a","x",1,1,2,null]]

SELECT 1 BETWEEN 0 AND 2, NOT true, 1 IS NULL, 1 IS DISTINCT FROM NULL, 'abc' LIKE 'a%', 'abc' NOT ILIKE 'A_c', 'abc' SIMILAR TO 'a.c', 'abc' GLOB 'a*', 'a%' LIKE 'a$%' ESCAPE '$'
-> [[true,false,false,true,true,false,true,true,true]]

SELECT 10 // 3, 10 % 3, 2 ** 3, 5 & 3, 5 | 3, xor(5, 3), ~5, 5 << 1, -5, +5, 4!, @(-3), 2 ^ 3, 'a' || 'b', 'abc' ^@ 'a'
-> [[3,1,8.0,1,7,6,-6,10,-5,5,24,3,8.0,"ab",true]]

SELECT CAST('1' AS INT), '2'::BIGINT, TRY_CAST('x' AS INT), TRY(CAST('x' AS INT)), 1::DECIMAL(4, 2), [1, 2]::VARCHAR[], 'a'::ENUM('a', 'b'), 1::UNION(n INT, s VARCHAR), [1, 2]::INT[2]
-> [[1,2,null,null,"1.00",["1","2"],"a",1,[1,2]]]

SELECT DATE '2026-01-31' + INTERVAL 1 MONTH, DATE '2026-01-02' - DATE '2026-01-01', INTERVAL '1' DAY, INTERVAL (2) MONTH, '3 hours'::INTERVAL
-> [["2026-02-28 00:00:00",1,"1 day","2 months","03:00:00"]]

SELECT extract(year FROM day), day.month(), strftime(day, '%Y'), date_diff('day', day, DATE '2026-01-03'), last_day(day) FROM orders ORDER BY id LIMIT 1
-> [[2026,1,"2026",2,"2026-01-31"]]

SELECT now() <= CURRENT_TIMESTAMP, CURRENT_DATE = today(), current_date IS NULL, localtime IS NULL, current_time IS NULL, localtimestamp IS NULL
-> [[true,true,false,false,false,false]]

SELECT TIMESTAMP '2026-01-02 03:04:05' AT TIME ZONE 'Europe/Prague'
-> [["2026-01-02 02:04:05+00:00"]]

SELECT 'b' COLLATE NOCASE = 'B', 'ä' COLLATE de < 'b'
-> [[true,true]]

SELECT '{"a": [1, 2]}'::JSON -> 'a' ->> 0, json_extract_string('{"a": 1}', '$.a'), to_json({'a': 1}), json_group_array(1)
-> [["1","1","{\"a\":1}","[1]"]]

SELECT string_agg(currency, ',' ORDER BY id DESC), list(id) FILTER (WHERE id < 2), count(DISTINCT currency), mode(currency), histogram(currency), arg_max(id, total), approx_quantile(id, 0.5), median(id) FROM orders WHERE id < 3
-> [["CZK,USD,EUR",[0,1],3,"EUR",{"CZK":1,"EUR":1,"USD":1},2,1,1.0]]

SELECT sum(total) FILTER (currency = 'EUR') > 0, bool_and(true), bit_or(1), stddev(id) > 0, regr_slope(id, id), round(corr(id, id), 3) FROM orders
-> [[true,true,1,true,1.0,1.0]]

SELECT regexp_replace('abc', 'b', 'x'), regexp_extract('abc', '(b)', 1), split_part('a-b', '-', 2), lpad('a', 3, 'x'), format('{} {}', 1, 2), printf('%d', 3), position('b' IN 'abc'), substring('abc' FROM 2 FOR 1), trim(BOTH 'x' FROM 'xax')
-> [["axc","b","b","xxa","1 2","3",2,"b","a"]]

SELECT md5('a'), bar(5, 0, 10, 4) IS NULL, uuid() IS NULL, random() < 2, setseed(0.5), typeof(1), pg_typeof(1), version() IS NULL, current_user, current_schema(), current_database()
-> [["0cc175b9c0f1b6a831c399e269772661",false,false,true,null,"INTEGER","integer",false,"duckdb","main","memory"]]

SELECT st_astext('POINT(1 1)'::GEOMETRY)
-> [["POINT (1 1)"]]

SELECT id AS "select", total AS "from" FROM orders ORDER BY id LIMIT 1
-> [[0,0.0]]

SELECT 1 AS a, a + 1 AS b
-> [[1,2]]

SELECT 1_000, 1e3, .5
-> [[1000,1000.0,"0.5"]]

SELECT time_bucket(INTERVAL 7 DAY, day), count(*) FROM orders GROUP BY 1 ORDER BY 1 LIMIT 1
-> [["2025-12-29",288]]
