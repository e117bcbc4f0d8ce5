// Engines that DuckDB's extensions reach, and the repository that the extensions come from. The extension itself is
// tests/fakes/extension; `INSTALL name FROM 'http://...'` finds it here as DuckDB's repositories lay it out, with the
// metadata that DuckDB checks and without a signature.
//
//   const engine = await startEngine({ bigquery: ['CREATE SCHEMA sales', 'CREATE TABLE sales.orders AS SELECT 1 AS id'] });
//   settings: `extract:\n  extension_repository: ${engine.url}\n  unsigned_extensions: true\n`
//   url of the attachment: `project=example-project api_endpoint=${engine.host}`
//   engine.tokens.bigquery = 'ya29...';    // the one that is taken; null: any
//   engine.asked                           // [{ engine, project, token }]
//   engine.status = 503;                   // of the next answers
import duckdb from '@duckdb/node-bindings';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { writeDatabase } from '../lib/duckdb.mjs';
import { bin, temporaryFolder } from '../lib/server.mjs';

const kFieldBytes = 32;

// What stands behind an extension's code: eight fields of text, the last one first, then the place of a signature.
function metadata(fields) {
  const footer = Buffer.alloc(8 * kFieldBytes + 256);
  fields.forEach((field, i) => footer.write(field, (7 - i) * kFieldBytes, 'latin1'));
  return footer;
}

// As DuckDB names its version and platform in the path.
const version = duckdb.library_version();
const platform = `${process.platform}_${process.arch === 'x64' ? 'amd64' : process.arch}`;

export async function startEngine(tables = {}) {
  const extension = Buffer.concat([readFileSync(path.join(bin, 'fake_engine.so')), metadata(['4', platform, version, 'v1', 'CPP'])]);
  const folder = temporaryFolder();
  const held = {};
  for (const [name, statements] of Object.entries(tables)) {
    const file = path.join(folder, `${name}.duckdb`);
    (await writeDatabase(file, statements))();
    held[name] = readFileSync(file);
  }
  const state = { tokens: { bigquery: null, keboola: null }, asked: [], installed: [], status: 200 };
  const server = http.createServer((request, answer) => {
    const target = new URL(request.url, 'http://fake');
    const install = new RegExp(`^/${version}/${platform}/(bigquery|keboola)\\.duckdb_extension\\.gz$`).exec(target.pathname);
    if (install) {
      state.installed.push(install[1]);
      return answer.writeHead(state.status).end(state.status === 200 ? gzipSync(extension) : '');
    }
    const name = target.pathname.slice(1);
    if (!held[name]) return answer.writeHead(404).end();
    const token = name === 'bigquery' ? /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] : request.headers['x-storageapi-token'];
    state.asked.push({ engine: name, project: target.search.slice(1), token });
    if (state.status === 'hang') return undefined;
    if (state.status !== 200) return answer.writeHead(state.status).end();
    if (!token || (state.tokens[name] && token !== state.tokens[name])) return answer.writeHead(401).end();
    return answer.writeHead(200).end(held[name]);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${server.address().port}`;
  return Object.assign(state, {
    host, url: `http://${host}`, version, platform, extension,
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  });
}
