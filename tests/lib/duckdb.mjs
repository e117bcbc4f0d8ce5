// Reads a database file that the server has closed. Rows are taken through JSON, which keeps times and lists as text.
import duckdb from '@duckdb/node-bindings';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { temporaryFolder } from './server.mjs';

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
