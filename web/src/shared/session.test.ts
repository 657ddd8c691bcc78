import { beforeEach, describe, expect, it, vi } from 'vitest';
import { authorizedFetch } from './api';
import { DevSignIn } from './dev-sign-in';
import { SessionStore, SignInError } from './session';

const now = Date.parse('2026-11-22T12:00:00Z');

/** A server that signs tokens of a given life, and a store that knows only it. */
function setup(options: { ttlSeconds?: number; clockAhead?: number } = {}) {
  const { ttlSeconds = 3600, clockAhead = 0 } = options;
  let issued = 0;
  let status = 200;
  const requests: unknown[] = [];
  const server = vi.fn<typeof fetch>((_input, init) => {
    requests.push(JSON.parse(String(init?.body)));
    const servedAt = Date.now() + clockAhead;
    const body = { token: `t${++issued}`, expiresAt: new Date(servedAt + ttlSeconds * 1000).toISOString() };
    return Promise.resolve(new Response(JSON.stringify(body), { status, headers: { date: new Date(servedAt).toUTCString() } }));
  });
  const store = new SessionStore(new DevSignIn({ fetch: server }));
  return { store, server, requests, answerWith: (next: number) => void (status = next) };
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

  it('survives a reload of the tab without asking again', async () => {
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

  it('renews before expiry and tells its listeners', async () => {
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

  it('trusts the server’s clock over its own', async () => {
    const { store, server } = setup({ ttlSeconds: 100, clockAhead: -3_600_000 });
    await store.signIn('ada');
    expect(await store.authorization()).toBe('Bearer t1');
    expect(server).toHaveBeenCalledOnce();
  });

  it('renews once for all that wait', async () => {
    const { store, server } = setup();
    await store.signIn('ada');
    store.distrust('Bearer t1');
    const headers = await Promise.all([store.authorization(), store.authorization()]);
    expect(headers).toEqual(['Bearer t2', 'Bearer t2']);
    expect(server).toHaveBeenCalledTimes(2);
  });

  it('distrusts only the token it holds', async () => {
    const { store } = setup();
    await store.signIn('ada');
    store.distrust('Bearer long gone');
    expect(await store.authorization()).toBe('Bearer t1');
  });

  it('signs out with a notice when the server refuses to renew', async () => {
    const { store, answerWith } = setup();
    await store.signIn('ada');
    answerWith(403);
    store.distrust('Bearer t1');
    await expect(store.authorization()).rejects.toBeInstanceOf(SignInError);
    expect(store.state()).toEqual({ session: null, notice: 'Your sign-in has expired. Please sign in again.' });
  });

  it('stays signed in when the server is only away', async () => {
    const { store, answerWith } = setup();
    await store.signIn('ada');
    answerWith(503);
    store.distrust('Bearer t1');
    await expect(store.authorization()).rejects.toThrow('503');
    expect(store.state().session?.user).toBe('ada');
  });

  it('takes broken storage for nobody', () => {
    sessionStorage.setItem('orderwire.session', '{"user":1');
    expect(setup().store.state().session).toBeNull();
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
  it('sends no header for nobody', async () => {
    const { store } = setup();
    const { sent, request } = answers(401);
    expect((await authorizedFetch(store, request)('/graphql')).status).toBe(401);
    expect(sent).toEqual([null]);
  });

  it('asks for another token once when the server does not know it', async () => {
    const { store } = setup();
    await store.signIn('ada');
    const { sent, request } = answers(401, 200);
    expect((await authorizedFetch(store, request)('/graphql')).status).toBe(200);
    expect(sent).toEqual(['Bearer t1', 'Bearer t2']);
  });

  it('asks to sign in when that does not help', async () => {
    const { store } = setup();
    await store.signIn('ada');
    const { sent, request } = answers(401, 401, 200);
    expect((await authorizedFetch(store, request)('/graphql')).status).toBe(401);
    expect(sent).toHaveLength(2);
    expect(store.state().session).toBeNull();
  });
});
