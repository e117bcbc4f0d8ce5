// An extract as some other program writes it: a folder with a database file that has `_meta` and tables or views.
import duckdb from '@duckdb/node-bindings';
import { mkdirSync } from 'node:fs';
import path from 'node:path';

// `statements` make the tables; those that are to be seen are named in `tables`. Do it before the server starts.
export async function writeExtract(data, name, tables, statements) {
  const folder = path.join(data, 'extracts', name);
  mkdirSync(path.join(folder, 'data'), { recursive: true });
  const database = await duckdb.open(path.join(folder, 'extract.duckdb'));
  const connection = await duckdb.connect(database);
  for (const sql of [
    'CREATE TABLE _meta (table_name VARCHAR, description VARCHAR, rows BIGINT, size_bytes BIGINT, extracted_at TIMESTAMP, query_mode VARCHAR)',
    ...statements,
    ...tables.map((table) => `INSERT INTO _meta SELECT '${table}', '', count(*), 0, now(), 'local' FROM "${table}"`),
  ]) await duckdb.query(connection, sql);
  duckdb.disconnect_sync(connection);
  duckdb.close_sync(database);
  return folder;
}
