// The part of Google's Cloud Identity API that tells the groups of an account, as its reference describes it:
// groups.memberships.searchTransitiveGroups, with its query language as far as it is used, and with pages.
//
//   const directory = await startCloudIdentity({ tokens: provider.accessTokens, pageSize: 2 });
//   directory.groups.set('ana@example.com', ['analysts@example.com']);
import { Fake } from './openid.mjs';

const kPath = '/v1/groups/-/memberships:searchTransitiveGroups';

class CloudIdentity extends Fake {
  groups = new Map(); // account: addresses of its groups
  path = kPath;

  constructor({ tokens, pageSize = 2 }) {
    super();
    this.tokens = tokens;
    this.pageSize = pageSize;
  }

  routes = {
    [kPath]: (request, body, url) => {
      const refuse = (code, status) => ({ status: code, json: { error: { code, status, message: status } } });
      const caller = this.tokens.get((request.headers.authorization ?? '').replace(/^Bearer /, ''));
      if (!caller) return refuse(401, 'UNAUTHENTICATED');
      const query = /^member_key_id == '((?:[^'\\]|\\.)*)' && '([a-z./_]+)' in labels$/.exec(url.searchParams.get('query') ?? '');
      if (!query || query[2] !== 'cloudidentity.googleapis.com/groups.discussion_forum') return refuse(400, 'INVALID_ARGUMENT');
      const member = query[1].replace(/\\(.)/g, '$1');
      if (member !== caller.toLowerCase()) return refuse(403, 'PERMISSION_DENIED');
      const size = Math.min(Number(url.searchParams.get('pageSize') ?? 200), 1000, this.pageSize);
      const token = url.searchParams.get('pageToken');
      const from = token ? Number(Buffer.from(token, 'base64url').toString().replace('from ', '')) : 0;
      if (!Number.isInteger(from)) return refuse(400, 'INVALID_ARGUMENT');
      const all = this.groups.get(member) ?? [];
      const page = all.slice(from, from + size).map((id, i) => ({
        membership: `groups/${from + i}/memberships/1`,
        group: `groups/${from + i}`,
        groupKey: { id },
        displayName: id,
        labels: { 'cloudidentity.googleapis.com/groups.discussion_forum': '' },
        relationType: i % 2 ? 'INDIRECT' : 'DIRECT',
        roles: [{ role: 'MEMBER' }],
      }));
      const more = from + size < all.length;
      return { json: { ...(page.length ? { memberships: page } : {}), ...(more ? { nextPageToken: Buffer.from(`from ${from + size}`).toString('base64url') } : {}) } };
    },
  };
}

export const startCloudIdentity = (options) => Fake.start(new CloudIdentity(options));
