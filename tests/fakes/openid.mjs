// An OpenID provider as its public documents describe it: discovery (OpenID Connect Discovery 1.0), authorization code
// flow (RFC 6749) with PKCE (RFC 7636), ID tokens signed with RS256 (RFC 7515 to 7519), keys that rotate. Everybody who
// comes to its sign-in page is `provider.account` at once.
//
//   const provider = await startOpenId();
//   provider.account = { sub: '1', email: 'ana@example.com', email_verified: true, hd: 'example.com', name: 'Ana' };
//   ... a browser goes to authorization_endpoint and comes back with a code ...
//   provider.fail('/token', 'cut');         // status number, cut, text or hold; for one request or until `mend`
//   provider.change = ({ header, claims }) => { claims.aud = 'other'; };   // before it is signed
//   provider.forge = (token, parts) => ...  // the token itself
import { createHash, createSign, generateKeyPairSync, randomBytes } from 'node:crypto';
import http from 'node:http';

export const base64url = (data) => Buffer.from(data).toString('base64url');
export const seconds = () => Math.floor(Date.now() / 1000);

let keyCount = 0;
export function makeKey(bits = 2048) {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: bits });
  return { kid: `key-${++keyCount}`, privateKey, publicKey, jwk: publicKey.export({ format: 'jwk' }) };
}
export function signed(header, claims, privateKey) {
  const text = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(claims))}`;
  return `${text}.${createSign('RSA-SHA256').update(text).sign(privateKey, 'base64url')}`;
}

// Answers requests with `routes[path](request, body, url)`, which return {status, headers, json, text}; counts them, and
// fails where it is told to. Shared with the other stand-ins.
export class Fake {
  counts = {};
  requests = [];
  #faults = new Map();
  #held = [];

  static async start(fake) {
    fake.server = http.createServer((request, response) => fake.#answer(request, response));
    await new Promise((resolve) => fake.server.listen(0, '127.0.0.1', resolve));
    fake.url = `http://127.0.0.1:${fake.server.address().port}`;
    return fake;
  }
  stop() {
    this.release();
    this.server.closeAllConnections?.();
    return new Promise((resolve) => this.server.close(resolve));
  }
  fail(path, how) {
    this.#faults.set(path, how);
  }
  mend() {
    this.#faults.clear();
    this.release();
  }
  // Resolves once `count` requests to `path` wait to be answered ('hold').
  waiting(path, count = 1) {
    return new Promise((resolve) => {
      this.onHold = () => this.#held.filter((held) => held.path === path).length >= count && resolve();
      this.onHold();
    });
  }
  release() {
    for (const { go } of this.#held.splice(0)) go();
  }

  async #answer(request, response) {
    const url = new URL(request.url, 'http://fake');
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    this.counts[url.pathname] = (this.counts[url.pathname] ?? 0) + 1;
    this.requests.push({ method: request.method, path: url.pathname, query: url.searchParams, headers: request.headers, body });
    const fault = this.#faults.get(url.pathname);
    if (fault === 'hold') {
      await new Promise((go) => {
        this.#held.push({ path: url.pathname, go });
        this.onHold?.();
      });
    } else if (fault === 'cut') {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('{"access_token": "ha');
      return response.socket.destroy();
    } else if (fault === 'text') {
      response.writeHead(200, { 'content-type': 'text/html' });
      return response.end('<html>a proxy is in the way</html>');
    } else if (fault !== undefined) {
      response.writeHead(fault, { 'content-type': 'application/json' });
      return response.end('{"error": "server_error"}');
    }
    const route = this.routes[url.pathname];
    const answer = route ? route.call(this, request, body, url) : { status: 404, text: 'not here' };
    response.writeHead(answer.status ?? 200, { 'content-type': answer.json ? 'application/json' : 'text/plain', ...answer.headers });
    response.end(answer.json ? JSON.stringify(answer.json) : answer.text ?? '');
  }
}

class OpenId extends Fake {
  client = { id: 'agnes-client', secret: 'agnes-client-secret' };
  keys = [makeKey()];
  account = { sub: '1', email: 'ana@example.com', email_verified: true, hd: 'example.com', name: 'Ana' };
  scope = null; // what the user agrees to; null: what was asked for
  change = null;
  forge = null;
  configuration = {};
  keyAge = 3600;
  codes = new Map();
  accessTokens = new Map();

  get issuer() {
    return this.url;
  }
  // A new key signs from now on; old ones stay published unless `withdraw`.
  rotate({ withdraw = false } = {}) {
    this.keys = withdraw ? [makeKey()] : [makeKey(), ...this.keys];
  }

  routes = {
    '/.well-known/openid-configuration': () => ({
      json: {
        issuer: this.issuer,
        authorization_endpoint: `${this.url}/authorize`,
        token_endpoint: `${this.url}/token`,
        jwks_uri: `${this.url}/keys`,
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'],
        code_challenge_methods_supported: ['plain', 'S256'],
        ...this.configuration,
      },
    }),
    '/keys': () => ({
      headers: { 'cache-control': `public, max-age=${this.keyAge}, must-revalidate` },
      json: {
        keys: [
          { kty: 'EC', kid: 'not-ours', crv: 'P-256', x: 'AA', y: 'AA' },
          ...this.keys.map(({ kid, jwk }) => ({ kid, use: 'sig', alg: 'RS256', ...jwk })),
        ],
      },
    }),
    '/authorize': (request, body, url) => {
      const query = url.searchParams;
      if (query.get('client_id') !== this.client.id || query.get('response_type') !== 'code' || !query.get('redirect_uri'))
        return { status: 400, text: 'invalid request' };
      const code = randomBytes(16).toString('base64url');
      this.codes.set(code, { query, account: { ...this.account } });
      const back = new URL(query.get('redirect_uri'));
      back.searchParams.set('code', code);
      back.searchParams.set('state', query.get('state') ?? '');
      return { status: 302, headers: { location: back.href } };
    },
    '/token': (request, body) => this.#token(new URLSearchParams(body)),
  };

  #token(form) {
    const refuse = (error, status = 400) => ({ status, json: { error, error_description: 'no' } });
    if (form.get('grant_type') !== 'authorization_code') return refuse('unsupported_grant_type');
    if (form.get('client_id') !== this.client.id || form.get('client_secret') !== this.client.secret) return refuse('invalid_client', 401);
    const asked = this.codes.get(form.get('code'));
    this.codes.delete(form.get('code'));
    if (!asked || asked.query.get('redirect_uri') !== form.get('redirect_uri')) return refuse('invalid_grant');
    const challenge = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url');
    if (asked.query.get('code_challenge_method') !== 'S256' || asked.query.get('code_challenge') !== challenge) return refuse('invalid_grant');
    const key = this.keys[0];
    const parts = {
      key,
      header: { alg: 'RS256', kid: key.kid, typ: 'JWT' },
      claims: {
        iss: this.issuer,
        azp: this.client.id,
        aud: this.client.id,
        ...asked.account,
        nonce: asked.query.get('nonce'),
        iat: seconds(),
        exp: seconds() + 3600,
      },
    };
    this.change?.(parts);
    const token = signed(parts.header, parts.claims, parts.key.privateKey);
    const accessToken = randomBytes(24).toString('base64url');
    this.accessTokens.set(accessToken, asked.account.email);
    return {
      json: {
        access_token: accessToken,
        token_type: 'Bearer',
        expires_in: 3599,
        scope: this.scope ?? asked.query.get('scope'),
        id_token: this.forge ? this.forge(token, parts) : token,
      },
    };
  }
}

export const startOpenId = () => Fake.start(new OpenId());
