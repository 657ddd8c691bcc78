import { beforeEach, describe, expect, it, vi } from 'vitest';
import { authorizedFetch } from './api';
import { DevSignIn } from './dev-sign-in';
import { SessionStore, SignInError, type Session, type SessionOptions, type SignedOut, type SignIn } from './session';

const now = Date.parse('2026-11-22T12:00:00Z');

/** A server that issues tokens of a given lifetime, and a store that uses it. */
function setup(options: { ttlSeconds?: number; clockAhead?: number } = {}) {
  const { ttlSeconds = 3600, clockAhead = 0 } = options;
  let issued = 0;
  let status = 200;
  const requests: unknown[] = [];
  const server = vi.fn<typeof fetch>((_input, init) => {
    requests.push(JSON.parse(String(init?.body)));
    const servedAt = Date.now() + clockAhead;
    const body = { data: { viewerSignOut: {} }, token: `t${++issued}`, expiresAt: new Date(servedAt + ttlSeconds * 1000).toISOString() };
    return Promise.resolve(new Response(JSON.stringify(body), { status, headers: { date: new Date(servedAt).toUTCString() } }));
  });
  const store = new SessionStore(new DevSignIn({ fetch: server }));
  return { store, server, requests, answerWith: (next: number) => void (status = next) };
}

/** The storage of one tab. */
class MemoryStorage implements Storage {
  [name: string]: unknown;
  readonly #items = new Map<string, string>();
  readonly length = 0;
  getItem = (key: string) => this.#items.get(key) ?? null;
  setItem = (key: string, value: string) => void this.#items.set(key, value);
  removeItem = (key: string) => void this.#items.delete(key);
  clear = () => this.#items.clear();
  key = () => null;
}

beforeEach(() => {
  sessionStorage.clear();
  localStorage.clear();
  vi.useFakeTimers({ now });
  return () => vi.useRealTimers();
});

describe('SessionStore', () => {
  it('signs in a development user with their role', async () => {
    const { store, requests } = setup();
    await store.signIn('staff');
    expect(requests).toEqual([{ user: 'staff', role: 'STAFF' }]);
    expect(store.state().session).toMatchObject({ user: 'staff', role: 'STAFF', token: 't1' });
    expect(await store.authorization()).toBe('Bearer t1');
  });

  it('survives a reload of the tab without a request', async () => {
    const { store } = setup();
    await store.signIn('ada');
    const reloaded = setup();
    await reloaded.store.restore();
    expect(reloaded.store.state().session?.token).toBe('t1');
    expect(reloaded.server).not.toHaveBeenCalled();
  });

  it('signs the last user in again in a new tab', async () => {
    await setup().store.signIn('grace');
    sessionStorage.clear();
    const { store, requests } = setup();
    await store.restore();
    expect(requests).toEqual([{ user: 'grace', role: 'CUSTOMER' }]);
    expect(store.state().session?.user).toBe('grace');
  });

  it('renews before expiry and notifies its listeners', async () => {
    const { store } = setup({ ttlSeconds: 100 });
    await store.signIn('ada');
    const listener = vi.fn<() => void>();
    store.subscribe(listener);
    await vi.advanceTimersByTimeAsync(79_000);
    expect(listener).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(listener).toHaveBeenCalledOnce();
    expect(await store.authorization()).toBe('Bearer t2');
  });

  it('uses the server’s clock, not its own', async () => {
    const { store, server } = setup({ ttlSeconds: 100, clockAhead: -3_600_000 });
    await store.signIn('ada');
    expect(await store.authorization()).toBe('Bearer t1');
    expect(server).toHaveBeenCalledOnce();
  });

  it('renews once for all waiting requests', async () => {
    const { store, server } = setup();
    await store.signIn('ada');
    store.invalidate('Bearer t1');
    const headers = await Promise.all([store.authorization(), store.authorization()]);
    expect(headers).toEqual(['Bearer t2', 'Bearer t2']);
    expect(server).toHaveBeenCalledTimes(2);
  });

  it('invalidates only its own token', async () => {
    const { store } = setup();
    await store.signIn('ada');
    store.invalidate('Bearer long gone');
    expect(await store.authorization()).toBe('Bearer t1');
  });

  it('signs out with a notice when the server refuses to renew', async () => {
    const { store, answerWith } = setup();
    await store.signIn('ada');
    answerWith(403);
    store.invalidate('Bearer t1');
    await expect(store.authorization()).rejects.toBeInstanceOf(SignInError);
    expect(store.state()).toEqual({ session: null, notice: 'Your sign-in has expired. Please sign in again.' });
  });

  it.each([429, 503])('stays signed in when the server is busy or down: %s', async (status) => {
    const { store, answerWith } = setup();
    await store.signIn('ada');
    answerWith(status);
    store.invalidate('Bearer t1');
    await expect(store.authorization()).rejects.toThrow(String(status));
    expect(store.state().session?.user).toBe('ada');
  });

  it('takes broken storage for no session', () => {
    sessionStorage.setItem('orderwire.session', '{"user":1');
    expect(setup().store.state().session).toBeNull();
  });
});

describe('SessionStore.signOut', () => {
  /** A sign-in that records ended sessions and answers as the test says. */
  const recorder = (answer: SignedOut = { problem: null }) => {
    const session: Session = { user: 'ada', role: 'CUSTOMER', token: 't1', renewAt: now + 60_000 };
    const ended: string[] = [];
    const renewals: ((session: Session) => void)[] = [];
    const by: SignIn = {
      restore: () => Promise.resolve(null),
      begin: () => Promise.resolve(session),
      renew: () => new Promise((resolve) => renewals.push(resolve)),
      forget: () => undefined,
      end: ({ token }, scope) => {
        ended.push(`${token} ${scope}`);
        return Promise.resolve(answer);
      },
    };
    return { by, session, ended, renewals };
  };

  it('signs out in this tab at once, and then at the server', async () => {
    const { store, requests } = setup();
    await store.signIn('ada');
    const out = store.signOut();
    expect(store.state()).toEqual({ session: null, notice: null });
    expect(sessionStorage.getItem('orderwire.session')).toBeNull();
    await out;
    expect(requests.slice(1)).toEqual([{ operationName: 'SignOut', query: expect.stringContaining('viewerSignOut') as string }]);
  });

  it('tries three times, and shows a notice when the server could not be told', async () => {
    const { store, server, answerWith } = setup();
    await store.signIn('ada');
    answerWith(503);
    const out = store.signOut();
    await vi.advanceTimersByTimeAsync(10_000);
    await out;
    expect(server).toHaveBeenCalledTimes(4);
    expect(store.state().notice).toContain('could not be told');
  });

  it('ends the token of a renewal under way, not its predecessor', async () => {
    const { by, session, ended, renewals } = recorder();
    const store = new SessionStore(by);
    await store.signIn();
    store.invalidate('Bearer t1');
    const header = store.authorization();
    const out = store.signOut();
    renewals[0]!({ ...session, token: 't2' });
    await Promise.all([header, out]);
    expect(ended).toEqual(['t2 everywhere']);
    expect(store.state().session).toBeNull();
  });

  it('goes to the issuer’s page, and keeps the notice until the browser is back', async () => {
    const page = new URL('https://login.example/end');
    const { by } = recorder({ problem: 'The server was away.', page });
    const leave = vi.fn<(page: URL) => void>();
    const store = new SessionStore(by, { leave });
    await store.signIn();
    await store.signOut();
    expect(leave).toHaveBeenCalledExactlyOnceWith(page);
    expect(new SessionStore(by).state()).toEqual({ session: null, notice: 'The server was away.' });
    expect(new SessionStore(by).state().notice).toBeNull();
  });

  it('signs the same user out in other tabs, and nobody else', async () => {
    const listeners: ((event: MessageEvent) => void)[] = [];
    const tabs = {
      addEventListener: (_type: string, listener: (event: MessageEvent) => void) => void listeners.push(listener),
      postMessage: (data: unknown) => void listeners.slice(1).forEach((listener) => listener(new MessageEvent('message', { data }))),
    } as NonNullable<SessionOptions['tabs']>;
    const [here, same, other] = [recorder(), recorder(), recorder()];
    const stores = [here, same, other].map(({ by }) => new SessionStore(by, { tabs, tab: new MemoryStorage() }));
    other.by.begin = () => Promise.resolve({ ...other.session, user: 'grace' });
    await Promise.all(stores.map((store) => store.signIn()));
    await stores[0]!.signOut();
    expect(stores.map((store) => store.state().session?.user)).toEqual([undefined, undefined, 'grace']);
    expect([here.ended, same.ended, other.ended]).toEqual([['t1 everywhere'], ['t1 tab'], []]);
  });

  it('signs in again only after the sign-out has ended', async () => {
    const { store, server, answerWith } = setup();
    await store.signIn('ada');
    answerWith(503);
    void store.signOut();
    const again = store.signIn('ada');
    await vi.advanceTimersByTimeAsync(100);
    expect(server).toHaveBeenCalledTimes(2);
    answerWith(200);
    await vi.advanceTimersByTimeAsync(10_000);
    await again;
    expect(store.state().session?.user).toBe('ada');
  });
});

/** A server that answers with these statuses in turn. */
const answers = (...statuses: number[]) => {
  const sent: (string | null)[] = [];
  const request: typeof fetch = (_input, init) => {
    sent.push(new Headers(init?.headers).get('authorization'));
    return Promise.resolve(new Response('{}', { status: statuses.shift() ?? 200 }));
  };
  return { sent, request };
};

describe('authorizedFetch', () => {
  it('sends no header without a session', async () => {
    const { store } = setup();
    const { sent, request } = answers(401);
    expect((await authorizedFetch(store, request)('/graphql')).status).toBe(401);
    expect(sent).toEqual([null]);
  });

  it('renews the token once when the server refuses it', async () => {
    const { store } = setup();
    await store.signIn('ada');
    const { sent, request } = answers(401, 200);
    expect((await authorizedFetch(store, request)('/graphql')).status).toBe(200);
    expect(sent).toEqual(['Bearer t1', 'Bearer t2']);
  });

  it('asks the user to sign in when that does not help', async () => {
    const { store } = setup();
    await store.signIn('ada');
    const { sent, request } = answers(401, 401, 200);
    expect((await authorizedFetch(store, request)('/graphql')).status).toBe(401);
    expect(sent).toHaveLength(2);
    expect(store.state().session).toBeNull();
  });
});
