// A browser as far as signing in goes: keeps cookies of one server, and follows it to an OpenID provider and back.
//
//   const browser = new Browser(server);
//   const answer = await browser.signIn('/catalog');   // the callback's answer
//   await browser.get('/api/me/effective-access');
import { must } from './server.mjs';

export class Browser {
  cookies = new Map();
  constructor(server) {
    this.server = server;
  }
  async get(target, headers = {}) {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await this.server.get(target, { headers: { ...(cookie ? { cookie } : {}), ...headers } });
    this.last = answer;
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [name, value] = line.split(';')[0].split('=');
      if (/max-age=0/i.test(line)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return answer;
  }
  // Begins, and lets the provider sign in: the path of the callback.
  async begin(next) {
    const login = must(302, await this.get(`/auth/google/login${next === undefined ? '' : `?next=${encodeURIComponent(next)}`}`));
    this.asked = new URL(login.headers.location);
    const back = await fetch(login.headers.location, { redirect: 'manual' });
    const target = new URL(back.headers.get('location'));
    return target.pathname + target.search;
  }
  async signIn(next) {
    return this.get(await this.begin(next));
  }
  me() {
    return this.get('/api/me/effective-access');
  }
}
