// The tables of attacks on a server: single messages that it must refuse, and loads that others must not feel. Used by
// tests/api/attacks.test.mjs, by script/attack on a server that runs already, and by script/bench. To add an attack, add a row.
import net from 'node:net';
import { gzipSync } from 'node:zlib';

const head = (lines) => `${lines.join('\r\n')}\r\n\r\n`;
const get = (target, ...more) => head([`GET ${target} HTTP/1.1`, 'Host: localhost', ...more, 'Connection: close']);
const post = (target, body, ...more) =>
  head([`POST ${target} HTTP/1.1`, 'Host: localhost', 'Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`, ...more, 'Connection: close']) + body;
export const packed = (text) => gzipSync(text, { level: 9 });

// What is sent as it is, without an account: [what, bytes, the statuses that are right]. 0: the connection is closed unanswered.
const refused = [400, 401, 403, 404, 405, 413, 414, 415, 422, 431, 501, 505];
export const messages = [
  ['a folded header', head(['POST /auth/token HTTP/1.1', 'Host: localhost', 'Transfer-Encoding:', ' chunked']) + '0\r\n\r\n', [400]],
  ['two lengths', head(['POST /auth/token HTTP/1.1', 'Host: localhost', 'Content-Length: 2', 'Content-Length: 2']) + '{}', [400]],
  ['a list of lengths', head(['POST /auth/token HTTP/1.1', 'Host: localhost', 'Content-Length: 2, 2']) + '{}', [400]],
  ['a length beside chunks', head(['POST /auth/token HTTP/1.1', 'Host: localhost', 'Content-Length: 2', 'Transfer-Encoding: chunked']) + '0\r\n\r\n', [400]],
  ['a negative length', head(['POST /auth/token HTTP/1.1', 'Host: localhost', 'Content-Length: -1']), [400]],
  ['a length beyond 64 bits', head(['POST /auth/token HTTP/1.1', 'Host: localhost', 'Content-Length: 99999999999999999999']), [400, 413]],
  ['a chunk beyond 64 bits', head(['POST /auth/token HTTP/1.1', 'Host: localhost', 'Transfer-Encoding: chunked']) + 'fffffffffffffffff\r\n', [400, 413]],
  ['a body of a GET', head(['GET /login HTTP/1.1', 'Host: localhost', 'Content-Length: 33554432']) + 'x', [413]],
  ['a header of a megabyte', `GET /api/health HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(1 << 20)}\r\n\r\n`, [400, 431, 0]],
  ['ten thousand headers', `GET /api/health HTTP/1.1\r\nHost: localhost\r\n${'a: b\r\n'.repeat(10_000)}\r\n`, [400, 431, 0]],
  ['a target of a megabyte', `GET /${'x'.repeat(1 << 20)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, [400, 414, 431, 0]],
  ['a space in a name', head(['GET /api/health HTTP/1.1', 'Host : localhost', 'Connection: close']), [400]],
  ['a line break in a value', `GET /api/users HTTP/1.1\r\nHost: localhost\r\nX-A: b\rX-C: d\r\nConnection: close\r\n\r\n`, [400, 401]],
  ['two credentials', get('/api/users', 'Authorization: Bearer a', 'Authorization: Bearer b'), [400]],
  ['no host', head(['GET /api/users HTTP/1.1', 'Connection: close']), [400, 401]],
  ['another protocol', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400, 505, 0]],
  ['TLS to a plain port', Buffer.from('160301020001000001fc0303', 'hex'), [400, 0]],
  ['a path out of the files', get('/static/../../../../etc/passwd'), refused],
  ['the same, encoded', get('/static/%2e%2e/%2e%2e/%2e%2e/etc/passwd'), refused],
  ['a null in a path', get('/api/v2/schema/orders%00.csv'), refused],
  ['a path that is not UTF-8', get('/api/v2/schema/%ff%fe'), refused],
  ['half an escape', get('/api/v2/schema/%e'), refused],
  ['a foreign address', get('http://evil.example/api/users'), refused],
  ['JSON lists 60,000 deep', post('/auth/token', '['.repeat(60_000)), refused],
  ['JSON with 30,000 values', post('/auth/token', `[${'0,'.repeat(30_000)}0]`), refused],
  ['a number beyond all', post('/auth/token', '{"email":1e400,"password":1}'), refused],
  ['half a surrogate', post('/auth/token', '{"email":"\\ud800","password":"x"}'), refused],
  ['a form of 30,000 pairs', post('/login/email', 'a&'.repeat(30_000)).replace('application/json', 'application/x-www-form-urlencoded'), refused],
  ['a body that is longer than it says', head(['POST /auth/token HTTP/1.1', 'Host: localhost', 'Content-Type: application/json', 'Content-Length: 2']) + '{}GET /api/users HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', refused],
  ['a token of 30 kB', get('/api/users', `Authorization: Bearer ${'x'.repeat(30_000)}`), refused],
  ['a token that says it needs no key', get('/api/users', `Authorization: Bearer ${[{ alg: 'none', typ: 'JWT' }, { sub: 'admin', typ: 'session' }].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`), [401]],
  ['a proxy that nobody trusts', get('/api/users', 'X-Forwarded-For: 127.0.0.1', 'X-Forwarded-Host: evil.example'), [401]],
  ['a packed body', head(['POST /auth/token HTTP/1.1', 'Host: localhost', 'Content-Type: application/json', 'Content-Encoding: gzip', 'Content-Length: 4', 'Connection: close']) + 'abcd', [413, 415]],
];

// Bodies that are small on the wire: [path, type, what it is when unpacked].
export const bombs = {
  'a form of pairs': ['/login/email', 'application/x-www-form-urlencoded', () => Buffer.from('a&'.repeat(1 << 24))],
  'a list of zeros': ['/auth/token', 'application/json', () => Buffer.from(`[${'0,'.repeat(1 << 23)}0]`)],
  'a list of objects': ['/auth/password/login', 'application/json', () => Buffer.from(`[${'{},'.repeat(1 << 22)}{}]`)],
  'deep lists': ['/auth/token', 'application/json', () => Buffer.from('['.repeat(1 << 24))],
  spaces: ['/api/sync/settings', 'application/json', () => Buffer.alloc(1 << 25, ' ')],
};

// Sends bytes and answers the status of the first answer, 0 when the connection was closed without one.
export function send(where, bytes) {
  return new Promise((resolve) => {
    const socket = net.connect(where);
    let answer = '';
    const end = () => (socket.destroy(), resolve(/^HTTP\/1\.1 (\d+)/.test(answer) ? Number(answer.slice(9, 12)) : 0));
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (answer.includes('\r\n')) end();
    });
    socket.on('close', end);
    socket.on('error', end);
    socket.write(bytes);
  });
}

// Connections that are opened again when they were closed, `again` ms later, until `stop`.
function hold(where, count, speak, again = 50) {
  const open = new Set();
  let stopped = false;
  const connect = (i) => {
    if (stopped) return;
    const socket = net.connect(where);
    open.add(socket);
    socket.on('error', () => {});
    socket.on('connect', () => speak(socket, i));
    socket.on('close', () => {
      open.delete(socket);
      setTimeout(() => connect(i), again).unref();
    });
  };
  for (let i = 0; i < count; i += 1) connect(i);
  return () => {
    stopped = true;
    for (const socket of open) socket.destroy();
  };
}

const slowStatement = 'SELECT count(*) FROM range(100000) a, range(100000) b WHERE a.range * 7 % 13 = b.range % 11';
const largeAnswer = "SELECT repeat('x', 1000000) AS x FROM range(50)";
const query = (token, sql) => post('/api/query', JSON.stringify({ sql }), `Authorization: Bearer ${token}`);

// What goes on until it is stopped: name -> begin(where: {host, port}, token of any account), which
// answers what stops it.
export const loads = {
  '64 bodies that are announced and not sent': {
    begin: (where) =>
      hold(where, 64, (socket, i) =>
        socket.write(head([`${i % 2 ? 'GET /login' : 'POST /auth/token'} HTTP/1.1`, 'Host: localhost', 'Content-Type: application/json', 'Content-Length: 33554432']) + '{'),
      ),
  },
  '6,000 idle connections': { begin: (where) => hold(where, 6000, () => {}, 5000) },
  '100 statements that nobody waits for, every second': {
    needsAccount: true,
    begin: (where, token) => hold(where, 100, (socket) => socket.write(query(token, slowStatement), () => setTimeout(() => socket.destroy(), 20)), 1000),
  },
  '6 readers of large answers who hardly read': {
    needsAccount: true,
    begin: (where, token) =>
      hold(where, 6, (socket) => {
        socket.write(query(token, largeAnswer));
        socket.pause();
        const timer = setInterval(() => socket.read(1000), 1000);
        socket.on('close', () => clearInterval(timer));
      }),
  },
  '16 streams of packed bodies': {
    begin: (where) => {
      const [target, type, make] = bombs.spaces;
      const body = packed(make());
      const message = Buffer.concat([
        Buffer.from(head([`POST ${target} HTTP/1.1`, 'Host: localhost', `Content-Type: ${type}`, 'Content-Encoding: gzip', `Content-Length: ${body.length}`])),
        body,
      ]);
      return hold(where, 16, (socket) => {
        socket.on('data', () => {});
        socket.write(message);
      });
    },
  },
};
