/** What a user may do, as in the schema. */
export type Role = 'CUSTOMER' | 'STAFF';

/** A signed-in development user and the token that proves it. */
export interface Session {
  readonly user: string;
  readonly role: Role;
  readonly token: string;
  /** When to fetch the next token, in milliseconds of this machine's clock. */
  readonly renewAt: number;
}

/** Who is signed in, and if nobody is, why: `notice` tells the person. */
export interface SessionState {
  readonly session: Session | null;
  readonly notice: string | null;
}

/** The users one can be in development: two customers who never see each other's orders, and one of the staff. */
export const devUsers: readonly { user: string; role: Role; label: string }[] = [
  { user: 'ada', role: 'CUSTOMER', label: 'Ada' },
  { user: 'grace', role: 'CUSTOMER', label: 'Grace' },
  { user: 'staff', role: 'STAFF', label: 'Staff' },
];

export interface SessionOptions {
  fetch?: typeof fetch;
  /** Holds the token for reloads of this tab. */
  tab?: Storage;
  /** Holds only the name of the last user, so that a new tab signs in by itself. */
  browser?: Storage;
}

/** Raised when the server refuses to sign somebody in. */
export class SignInError extends Error {
  override name = 'SignInError';
}

const tabKey = 'orderwire.session';
const browserKey = 'orderwire.user';
/** A token is replaced after this share of its life, early enough to survive a slow network. */
const renewAfter = 0.8;
const longestTimer = 2 ** 31 - 1;

/**
 * Signs development users in by `POST /dev/token` and keeps their token fresh. It is an external store for React
 * (`subscribe` and `state`), and the one source of the Authorization header for HTTP and websocket.
 */
export class SessionStore {
  #state: SessionState = { session: null, notice: null };
  #listeners = new Set<() => void>();
  #renewal: Promise<Session> | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #fetch: typeof fetch;
  readonly #tab: Storage;
  readonly #browser: Storage;

  constructor(options: SessionOptions = {}) {
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
    this.#tab = options.tab ?? sessionStorage;
    this.#browser = options.browser ?? localStorage;
    const kept = parse(this.#tab.getItem(tabKey));
    if (kept) this.#set({ session: kept, notice: null });
  }

  readonly state = (): SessionState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Signs in the user this browser had last, if this tab has none. Call once at start; a failure leaves nobody signed in. */
  async restore(): Promise<void> {
    if (this.#state.session) return;
    const user = this.#browser.getItem(browserKey);
    if (devUsers.some((known) => known.user === user)) await this.signIn(user!).catch(() => undefined);
  }

  /** Signs in one of `devUsers`. Fails with a `SignInError` when the server refuses, as it does outside development. */
  async signIn(user: string): Promise<void> {
    const role = devUsers.find((known) => known.user === user)?.role ?? 'CUSTOMER';
    const session = await this.#request(user, role);
    this.#browser.setItem(browserKey, user);
    this.#set({ session, notice: null });
  }

  signOut(notice: string | null = null): void {
    this.#browser.removeItem(browserKey);
    this.#set({ session: null, notice });
  }

  /** The Authorization header's value for a request made now, renewed first when it is due; undefined when signed out. */
  async authorization(): Promise<string | undefined> {
    let { session } = this.#state;
    if (session && session.renewAt <= Date.now()) session = await this.#renew(session);
    return session ? `Bearer ${session.token}` : undefined;
  }

  /** Tells that the server refused this header, so that the next `authorization` asks for another token. */
  distrust(authorization: string | undefined): void {
    const { session } = this.#state;
    if (session && authorization === `Bearer ${session.token}`) this.#set({ session: { ...session, renewAt: 0 }, notice: null });
  }

  /** One renewal at a time, however many requests wait for it. A refusal signs out; a network failure only fails the caller. */
  #renew(old: Session): Promise<Session> {
    this.#renewal ??= this.#request(old.user, old.role)
      .then((session) => {
        // Somebody may have signed out or switched meanwhile: their choice stands.
        if (this.#state.session?.user === old.user) this.#set({ session, notice: null });
        return session;
      })
      .catch((cause: unknown) => {
        if (cause instanceof SignInError) this.signOut('Your sign-in has expired. Please sign in again.');
        throw cause;
      })
      .finally(() => {
        this.#renewal = null;
      });
    return this.#renewal;
  }

  async #request(user: string, role: Role): Promise<Session> {
    const response = await this.#fetch('/dev/token', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user, role }),
    });
    if (response.status >= 500) throw new Error(`Signing in failed: the server answered ${response.status}.`);
    if (!response.ok) throw new SignInError(`Signing in was refused (${response.status}).`);
    const { token, expiresAt } = (await response.json()) as { token: string; expiresAt: string };
    // Measured against the server's own clock: this machine's may be wrong by more than a token's life.
    const servedAt = Date.parse(response.headers.get('date') ?? '') || Date.now();
    const lifetime = Math.max(0, Date.parse(expiresAt) - servedAt);
    return { user, role, token, renewAt: Date.now() + lifetime * renewAfter };
  }

  #set(state: SessionState): void {
    this.#state = state;
    if (state.session) this.#tab.setItem(tabKey, JSON.stringify(state.session));
    else this.#tab.removeItem(tabKey);
    clearTimeout(this.#timer);
    if (state.session) {
      const wait = Math.min(longestTimer, Math.max(0, state.session.renewAt - Date.now()));
      // Only renews what is due: a failure is tried again by the next request or reconnect, not by a timer.
      this.#timer = setTimeout(() => void this.authorization().catch(() => undefined), wait);
    }
    for (const listener of this.#listeners) listener();
  }
}

function parse(text: string | null): Session | null {
  try {
    const kept = JSON.parse(text ?? 'null') as Partial<Session> | null;
    const whole = kept && typeof kept.user === 'string' && typeof kept.token === 'string' && typeof kept.renewAt === 'number';
    return whole && (kept.role === 'CUSTOMER' || kept.role === 'STAFF') ? (kept as Session) : null;
  } catch {
    return null;
  }
}
