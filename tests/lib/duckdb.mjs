// DuckDB files beside the server: what it left, and what other programs leave for it.
import duckdb from '@duckdb/node-bindings';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { temporaryFolder } from './server.mjs';

// Runs statements in a database file, made when missing. Answers what closes it, which holds its lock until then.
export async function writeDatabase(file, statements) {
  mkdirSync(path.dirname(file), { recursive: true });
  const database = await duckdb.open(file);
  const connection = await duckdb.connect(database);
  for (const sql of statements) await duckdb.query(connection, sql);
  return () => {
    duckdb.disconnect_sync(connection);
    duckdb.close_sync(database);
  };
}

// An extract as a program of somebody else leaves it: `tables` maps names to SELECTs, written as Parquet; `more` are
// statements beside.
export async function writeExtract(folder, tables = {}, more = []) {
  mkdirSync(path.join(folder, 'data'), { recursive: true });
  const statements = [
    'CREATE TABLE _meta (table_name VARCHAR, description VARCHAR, "rows" BIGINT, size_bytes BIGINT, extracted_at TIMESTAMP, query_mode VARCHAR)',
  ];
  for (const [name, select] of Object.entries(tables)) {
    const file = path.join(folder, 'data', `${name}.parquet`);
    statements.push(
      `COPY (${select}) TO '${file}' (FORMAT parquet)`,
      `INSERT INTO _meta VALUES ('${name}', 'about ${name}', 1, 1, TIMESTAMP '2026-01-02 03:04:05', 'local')`,
      `CREATE VIEW "${name}" AS SELECT * FROM read_parquet('${file}')`,
    );
  }
  const close = await writeDatabase(path.join(folder, 'extract.duckdb'), [...statements, ...more]);
  close();
}

// Rows are taken through JSON, which keeps times and lists as text.
export async function openDatabase(file) {
  const config = duckdb.create_config();
  duckdb.set_config(config, 'access_mode', 'READ_ONLY');
  const database = await duckdb.open(file, config);
  const connection = await duckdb.connect(database);
  const answers = temporaryFolder();
  let number = 0;
  return {
    async rows(sql) {
      const out = path.join(answers, `${(number += 1)}.json`);
      await duckdb.query(connection, `COPY (${sql}) TO '${out}' (FORMAT json, ARRAY true)`);
      return JSON.parse(readFileSync(out, 'utf8'));
    },
    close() {
      duckdb.disconnect_sync(connection);
      duckdb.close_sync(database);
    },
  };
}

// Makes a database file one that only a later DuckDB can read. The header: a checksum over the words of the rest of its
// 4,096 bytes, "DUCK", the version of the storage.
export function makeNewer(file) {
  const bytes = readFileSync(file);
  bytes.writeBigUInt64LE(999n, 12);
  let sum = 5381n;
  for (let at = 8; at < 4096; at += 8) sum ^= BigInt.asUintN(64, bytes.readBigUInt64LE(at) * 0xbf58476d1ce4e5b9n);
  bytes.writeBigUInt64LE(sum, 0);
  writeFileSync(file, bytes);
}
