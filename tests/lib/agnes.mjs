// Runs the `agnes` client as a user does: a home directory and a workspace of its own, nothing else in the environment.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startFake } from './fake-agnes.mjs';

const root = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../..');
export const program = path.join(process.env.AGNES_BIN ?? path.join(root, 'build/bin'), 'agnes');

export function makeUser() {
  const home = mkdtempSync(path.join(os.tmpdir(), 'agnes-cli-test-'));
  const workspace = path.join(home, 'workspace');
  mkdirSync(workspace);
  const config = path.join(home, '.config/agnes');

  // Answers the running child; `await child.ended` for { code, signal, stdout, stderr }.
  const start = (args, { env = {}, input = '', cwd = workspace, program: other = program } = {}) => {
    const child = spawn(other, args, {
      cwd,
      env: { PATH: process.env.PATH, HOME: home, LANG: 'C.UTF-8', AGNES_NO_UPDATE_CHECK: '1', TERM: 'dumb', ...env },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (d) => (stdout += d));
    child.stderr.setEncoding('utf8').on('data', (d) => (stderr += d));
    child.stdin.on('error', () => {}).end(input);
    child.ended = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
    });
    return child;
  };
  return {
    home,
    workspace,
    config,
    start,
    run: (args, options) => start(args, options).ended,
    file: (name) => path.join(workspace, name),
    read: (name) => readFileSync(path.join(workspace, name)),
    parquet: (table) => path.join(workspace, 'server/parquet', `${table}.parquet`),
    // As `agnes init` leaves it, in a workspace of that server.
    signIn: (url, token, email = 'ana@example.com') => {
      mkdirSync(path.join(workspace, '.claude'), { recursive: true });
      writeFileSync(path.join(workspace, '.claude/init-complete'), `server_url: ${url}\n`);
      mkdirSync(config, { recursive: true });
      writeFileSync(path.join(config, 'config.yaml'), `server: ${url}\n`);
      writeFileSync(path.join(config, 'token.json'), JSON.stringify({ access_token: token, email }));
    },
    remove: () => rmSync(home, { recursive: true, force: true }),
  };
}

// Parquet files, made by the client itself: { name: 'SELECT ...' } -> { name: bytes }.
export async function makeParquet(queries) {
  const server = await startFake();
  const user = makeUser();
  try {
    const made = {};
    const init = await user.run(['init', '--server-url', server.url, '--token', server.token]);
    if (init.code !== 0) throw new Error(init.stderr);
    for (const [name, sql] of Object.entries(queries)) {
      const file = user.file(`${name}.parquet`);
      const result = await user.run(['query', `COPY (${sql}) TO '${file}' (FORMAT parquet)`]);
      if (result.code !== 0) throw new Error(result.stderr);
      made[name] = readFileSync(file);
    }
    return made;
  } finally {
    user.remove();
    await server.stop();
  }
}
