// Reads a database file that the server has closed. Rows are taken through JSON, which keeps times and lists as text.
import duckdb from '@duckdb/node-bindings';
import { readFileSync } from 'node:fs';
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
