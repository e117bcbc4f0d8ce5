// Starts a PostgreSQL server for a test: in a folder of its own, reached by a socket in it, as a user that is not root.
//
//   const postgres = startPostgres();
//   postgres.run('CREATE TABLE t (x int)');   // throws what PostgreSQL said
//   postgres.stop();
import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { temporaryFolder } from './server.mjs';

const kPrograms = '/usr/lib/postgresql';

export function startPostgres() {
  if (!existsSync(kPrograms)) throw new Error('PostgreSQL is not installed: run script/setup');
  const bin = path.join(kPrograms, readdirSync(kPrograms).sort().at(-1), 'bin');
  const folder = temporaryFolder();
  let as = [];
  if (process.getuid() === 0) {
    // PostgreSQL refuses to run as root; Debian's package makes this user.
    const [uid, gid] = ['-u', '-g'].map((option) => Number(execFileSync('id', [option, 'postgres'])));
    chownSync(folder, uid, gid);
    as = ['setpriv', '--reuid', 'postgres', '--regid', 'postgres', '--init-groups'];
  }
  const call = (program, args, options = {}) => {
    const [command, ...rest] = [...as, path.join(bin, program), ...args];
    const done = spawnSync(command, rest, { cwd: folder, encoding: 'utf8', ...options });
    if (done.error) throw done.error;
    if (done.status !== 0) throw new Error(`${program}: ${done.stderr || done.stdout}`);
    return done.stdout;
  };
  const data = path.join(folder, 'data');
  call('initdb', ['-D', data, '-U', 'agnes', '--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C']);
  call('pg_ctl', ['-D', data, '-w', '-l', path.join(folder, 'log'), '-o', `-k ${folder} -c listen_addresses= -c fsync=off`, 'start'], { stdio: 'ignore' });
  return {
    run: (sql) => call('psql', ['-h', folder, '-U', 'agnes', '-d', 'postgres', '-q', '-v', 'ON_ERROR_STOP=1', '-f', '-'], { input: sql }),
    stop: () => call('pg_ctl', ['-D', data, '-w', '-m', 'immediate', 'stop'], { stdio: 'ignore' }),
  };
}
