// A mail relay that speaks SMTP (RFC 5321) with STARTTLS (RFC 3207) and AUTH PLAIN and LOGIN (RFC 4954), in memory.
//
//   const relay = await startRelay({ tls: 'starttls', user: 'agnes', password: 'secret' });
//   const mail = await relay.next();       // {from, to, headers, text, raw, secure, user}
//   relay.misbehave({ rcpt: ['451 try later'] });   // answers to come, by command; 'cut' closes the connection
//   await relay.stop();
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';

// A certificate for 127.0.0.1 and localhost that signs itself: {key, cert, file}. `file` is removed at the end.
export function makeCertificate() {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'agnes-cert-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const key = path.join(folder, 'key.pem');
  const cert = path.join(folder, 'cert.pem');
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert,
    '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'], { stdio: 'ignore' });
  return { key: readFileSync(key), cert: readFileSync(cert), file: cert };
}

// The header fields (names in lower case, folded lines joined) and the decoded text of a message.
export function readMessage(raw) {
  const end = raw.indexOf('\r\n\r\n');
  const headers = {};
  for (const line of raw.slice(0, end).replaceAll(/\r\n[ \t]/g, ' ').split('\r\n')) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const body = raw.slice(end + 4);
  const text = headers['content-transfer-encoding'] === 'base64' ? Buffer.from(body, 'base64').toString('utf8') : body.replaceAll('\r\n', '\n');
  return { headers, text };
}

// options: tls ('none', 'starttls', 'tls'), certificate, user and password (asked for when given), silent (never greets).
export async function startRelay(options = {}) {
  const relay = new Relay(options);
  await new Promise((resolve, reject) => {
    relay.server.on('error', reject);
    relay.server.listen(0, '127.0.0.1', resolve);
  });
  relay.port = relay.server.address().port;
  return relay;
}

class Relay {
  mails = [];
  commands = [];
  #waiting = [];
  #faults = {};
  #sockets = new Set();

  constructor(options) {
    this.options = { tls: 'none', ...options };
    const accept = (socket) => this.#serve(socket, this.options.tls === 'tls');
    this.server = this.options.tls === 'tls' ? tls.createServer(this.options.certificate, accept) : net.createServer(accept);
    this.server.on('tlsClientError', () => {});
  }

  // What comes instead of good answers, by command in lower case ('greeting', 'end' for the end of DATA).
  misbehave(faults) {
    this.#faults = faults;
  }
  // The oldest mail that nobody has looked at, when it has come.
  next() {
    if (this.mails.length > 0) return Promise.resolve(this.mails.shift());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
  // The environment of a server that uses it.
  get environment() {
    const { user, password, certificate } = this.options;
    return {
      SMTP_HOST: '127.0.0.1', SMTP_PORT: String(this.port), SMTP_FROM: 'agnes@example.com',
      ...{ none: { SMTP_USE_TLS: 'false' }, tls: { SMTP_USE_TLS: 'implicit' }, starttls: {} }[this.options.tls],
      ...(user ? { SMTP_USER: user, SMTP_PASSWORD: password } : {}),
      ...(certificate ? { SSL_CERT_FILE: certificate.file } : {}),
    };
  }
  stop() {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.server.close(resolve));
  }

  #serve(socket, secure) {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    if (!this.options.silent) this.#talk(socket, secure, true);
  }

  #talk(socket, secure, greet) {
    const { options } = this;
    let pending = '';
    let mail = null;
    let inData = false;
    let login = null;
    let user = null;
    const say = (line) => socket.write(`${line}\r\n`);
    // The fault that stands for this command, if any: said instead of `good`.
    const answer = (command, good) => {
      const fault = this.#faults[command]?.shift();
      if (fault === 'cut') return socket.destroy();
      say(fault ?? good);
      return !fault;
    };
    const signIn = (name, password) => {
      const right = name === options.user && password === options.password;
      if (right && answer('auth', '235 2.7.0 signed in')) user = name;
      else if (!right) say('535 5.7.8 wrong user or password');
    };
    const command = (line) => {
      const [verb] = line.toLowerCase().split(' ');
      this.commands.push(verb);
      if (login) {
        const text = Buffer.from(line, 'base64').toString('utf8');
        if (login.plain) {
          login = null;
          const [, name, password] = text.split('\0');
          return signIn(name, password);
        }
        if (login.name === undefined) {
          login.name = text;
          return say('334 UGFzc3dvcmQ6');
        }
        const { name } = login;
        login = null;
        return signIn(name, text);
      }
      switch (verb) {
        case 'ehlo': {
          const offers = ['relay.example.com', 'SIZE 10000000', '8BITMIME'];
          if (options.tls === 'starttls' && !secure) offers.push('STARTTLS');
          else if (options.user) offers.push(`AUTH ${options.mechanism ?? 'PLAIN LOGIN'}`);
          return offers.forEach((offer, i) => say(`250${i + 1 < offers.length ? '-' : ' '}${offer}`));
        }
        case 'starttls': {
          if (options.tls !== 'starttls' || secure) return say('502 not here');
          if (!answer('starttls', '220 go on')) return undefined;
          socket.removeAllListeners('data');
          const over = new tls.TLSSocket(socket, { isServer: true, ...options.certificate });
          over.on('error', () => {});
          return this.#talk(over, true, false);
        }
        case 'auth': {
          const [, mechanism, first] = line.split(' ');
          if (mechanism.toUpperCase() === 'PLAIN') {
            if (!first) {
              login = { plain: true };
              return say('334 ');
            }
            const [, name, password] = Buffer.from(first ?? '', 'base64').toString('utf8').split('\0');
            return signIn(name, password);
          }
          login = first ? { name: Buffer.from(first, 'base64').toString('utf8') } : {};
          return say(first ? '334 UGFzc3dvcmQ6' : '334 VXNlcm5hbWU6');
        }
        case 'mail':
          if (options.user && !user) return say('530 5.7.0 sign in first');
          mail = { from: /<(.*?)>/.exec(line)?.[1], to: [], secure, user };
          return answer('mail', '250 fine');
        case 'rcpt':
          if (answer('rcpt', '250 fine')) mail.to.push(/<(.*?)>/.exec(line)?.[1]);
          return undefined;
        case 'data':
          inData = answer('data', '354 end with a dot');
          return undefined;
        case 'quit':
          say('221 bye');
          return socket.end();
        default:
          return say('250 fine');
      }
    };
    const message = (raw) => {
      inData = false;
      if (!answer('end', '250 taken')) return;
      const whole = { ...mail, raw, ...readMessage(raw) };
      const waiter = this.#waiting.shift();
      if (waiter) waiter(whole);
      else this.mails.push(whole);
    };
    socket.on('data', (chunk) => {
      pending += chunk.toString('utf8');
      for (;;) {
        if (inData) {
          const end = pending.indexOf('\r\n.\r\n');
          if (end < 0) return;
          const raw = pending.slice(0, end + 2).replaceAll('\r\n..', '\r\n.');
          pending = pending.slice(end + 5);
          message(raw);
        } else {
          const end = pending.indexOf('\r\n');
          if (end < 0) return;
          const line = pending.slice(0, end);
          pending = pending.slice(end + 2);
          command(line);
        }
      }
    });
    if (greet) answer('greeting', '220 relay.example.com ready');
  }
}
