// The parts of Google's cloud that a server signs in with and reads groups from, as their references describe them: the
// token endpoint (RFC 7523 assertions with RS256; refresh tokens), signJwt of the IAM Service Account Credentials API, the
// metadata server of a machine, groups.list of the Admin SDK's Directory API.
//
//   const google = await startGoogleCloud({ pageSize: 2 });
//   const account = google.addAccount('agnes@project.iam.gserviceaccount.com');   // has a key
//   google.delegations.add(`${account.email} ${scope}`);       // as in the admin console
//   google.admins.add('boss@example.com');
//   google.groups.set('ana@example.com', ['analysts@example.com']);
//   writeFileSync(file, JSON.stringify(account.keyFile));      // GOOGLE_APPLICATION_CREDENTIALS
//   google.machine = account.email;                            // GCE_METADATA_HOST: google.host
//   google.signers.add(`${account.email} other@...`);          // may sign for: Service Account Token Creator
import { createPublicKey, createVerify, randomBytes } from 'node:crypto';
import { Fake, makeKey, seconds, signed } from './openid.mjs';

const kMetadata = '/computeMetadata/v1/instance/service-accounts/default';
const kBearerGrant = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const kDirectoryScope = 'https://www.googleapis.com/auth/admin.directory.group.readonly';
const kCloudScope = 'https://www.googleapis.com/auth/cloud-platform';

const fromBase64url = (text) => JSON.parse(Buffer.from(text, 'base64url'));

class GoogleCloud extends Fake {
  accounts = new Map(); // email: {key, keyFile}
  delegations = new Set(); // "account scope"
  signers = new Set(); // "account account"
  admins = new Set();
  groups = new Map(); // account: addresses of its groups
  machine = null;
  tokens = new Map(); // access token: {account, subject, scopes}
  life = 3599; // of tokens, in seconds

  constructor({ pageSize = 200 } = {}) {
    super();
    this.pageSize = pageSize;
  }
  get host() {
    return this.url.replace('http://', '');
  }
  get tokenUrl() {
    return `${this.url}/token`;
  }

  addAccount(email) {
    const key = makeKey();
    const keyFile = {
      type: 'service_account',
      project_id: 'project',
      private_key_id: key.kid,
      private_key: key.privateKey.export({ type: 'pkcs8', format: 'pem' }),
      client_email: email,
      client_id: '1',
      auth_uri: `${this.url}/auth`,
      token_uri: this.tokenUrl,
      universe_domain: 'googleapis.com',
    };
    const account = { email, key, keyFile };
    this.accounts.set(email, account);
    this.routes[`/v1/projects/-/serviceAccounts/${encodeURIComponent(email)}:signJwt`] = (request, body) => this.#sign(email, request, body);
    return account;
  }

  routes = {
    '/token': (request, body) => {
      const form = new URLSearchParams(body);
      if (form.get('grant_type') !== kBearerGrant) return refuse(400, 'unsupported_grant_type', 'Invalid grant_type');
      return this.#grant(form.get('assertion') ?? '');
    },
    [`${kMetadata}/token`]: (request, body, url) => this.#metadata(request, () => ({
      json: this.#issue({ account: this.machine, scopes: (url.searchParams.get('scopes') ?? kCloudScope).split(',') }),
    })),
    [`${kMetadata}/email`]: (request) => this.#metadata(request, () => ({ text: this.machine })),
    '/admin/directory/v1/groups': (request, body, url) => this.#list(request, url.searchParams),
  };

  #issue(held) {
    const token = `ya29.${randomBytes(24).toString('base64url')}`;
    this.tokens.set(token, held);
    return { access_token: token, expires_in: this.life, token_type: 'Bearer' };
  }
  #caller(request) {
    return this.tokens.get((request.headers.authorization ?? '').replace(/^Bearer /, ''));
  }

  #grant(assertion) {
    const parts = assertion.split('.');
    if (parts.length !== 3) return refuse(400, 'invalid_grant', 'Invalid JWT: it must have three parts');
    const [header, claims] = parts.slice(0, 2).map(fromBase64url);
    const account = this.accounts.get(claims.iss);
    if (!account) return refuse(400, 'invalid_grant', 'Invalid grant: account not found');
    const verified = createVerify('RSA-SHA256').update(`${parts[0]}.${parts[1]}`);
    if (header.alg !== 'RS256' || header.kid !== account.key.kid || !verified.verify(createPublicKey(account.key.privateKey), parts[2], 'base64url'))
      return refuse(400, 'invalid_grant', 'Invalid JWT Signature.');
    const now = seconds();
    if (claims.aud !== this.tokenUrl) return refuse(400, 'invalid_grant', 'Invalid JWT: audience');
    if (!(claims.iat <= now + 300 && claims.exp > now - 300 && claims.exp - claims.iat <= 3600))
      return refuse(400, 'invalid_grant', 'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.');
    const scopes = (claims.scope ?? '').split(' ').filter(Boolean);
    if (scopes.length === 0) return refuse(400, 'invalid_scope', 'Invalid OAuth scope or ID token audience provided.');
    if (claims.sub && !scopes.every((scope) => this.delegations.has(`${account.email} ${scope}`)))
      return refuse(401, 'unauthorized_client', 'Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.');
    return { json: this.#issue({ account: account.email, subject: claims.sub, scopes }) };
  }

  #sign(email, request, body) {
    const caller = this.#caller(request);
    if (!caller) return fault(401, 'UNAUTHENTICATED', 'Request had invalid authentication credentials.');
    if (!caller.scopes.includes(kCloudScope) || !this.signers.has(`${caller.account} ${email}`))
      return fault(403, 'PERMISSION_DENIED', "Permission 'iam.serviceAccounts.signJwt' denied on resource (or it may not exist).");
    const { key } = this.accounts.get(email);
    return { json: { keyId: key.kid, signedJwt: signed({ alg: 'RS256', kid: key.kid, typ: 'JWT' }, JSON.parse(JSON.parse(body).payload), key.privateKey) } };
  }

  #metadata(request, answer) {
    const headers = { 'metadata-flavor': 'Google' };
    if (request.headers['metadata-flavor'] !== 'Google') return { status: 403, headers, text: 'Missing Metadata-Flavor:Google header.' };
    if (!this.machine) return { status: 404, headers, text: 'no service account' };
    return { headers, ...answer() };
  }

  #list(request, query) {
    const caller = this.#caller(request);
    if (!caller) return fault(401, 'UNAUTHENTICATED', 'Request had invalid authentication credentials.');
    if (!caller.scopes.includes(kDirectoryScope) || !this.admins.has(caller.subject)) return fault(403, 'PERMISSION_DENIED', 'Not Authorized to access this resource/api');
    const groups = this.groups.get(query.get('userKey'));
    if (!groups) return fault(404, 'NOT_FOUND', 'Resource Not Found: userKey');
    const size = Math.min(Number(query.get('maxResults') ?? 200), 200, this.pageSize);
    const from = Number(query.get('pageToken') ?? 0);
    const page = groups.slice(from, from + size).map((email, i) => ({ kind: 'admin#directory#group', id: `g${from + i}`, email, name: email, directMembersCount: '1' }));
    const more = from + size < groups.length;
    return { json: { kind: 'admin#directory#groups', ...(page.length ? { groups: page } : {}), ...(more ? { nextPageToken: String(from + size) } : {}) } };
  }
}

// As OAuth's endpoint refuses, and as Google's APIs do.
const refuse = (status, error, error_description) => ({ status, json: { error, error_description } });
const fault = (code, status, message) => ({ status: code, json: { error: { code, message, status } } });

export const startGoogleCloud = (options) => Fake.start(new GoogleCloud(options));
