/** The roles of the schema. */
export type Role = 'CUSTOMER' | 'STAFF';

/** A signed-in user with their token. */
export interface Session {
  /** Identifies the user: the name in development, else the server's id. */
  readonly user: string;
  /** The name to show; `user` if it is missing. */
  readonly name?: string;
  readonly role: Role;
  readonly token: string;
  /** When to renew the token, in milliseconds of this machine's clock. */
  readonly renewAt: number;
  /** The issuer's refresh token, if it gave one. */
  readonly refreshToken?: string;
  /** Names the issuer's session at a sign-out. */
  readonly idToken?: string;
}

/** The result of a sign-out beyond this tab. */
export interface SignedOut {
  /** What could not be ended, as a message for the user; null if everything was. */
  readonly problem: string | null;
  /** The issuer's page that ends its own session and returns the browser. */
  readonly page?: URL;
}

/** A way to sign in: DevSignIn in development, else OidcSignIn. */
export interface SignIn {
  /** The session of a tab that starts without one: the last user's, or that of a user who returns from the issuer. */
  restore(): Promise<Session | null>;
  /** Signs in. Resolves to null if the browser goes to the issuer's page instead. */
  begin(user?: string): Promise<Session | null>;
  /** Renews the token of the same user. Fails with a SignInError if that is refused. */
  renew(session: Session): Promise<Session>;
  /** Forgets who was here. */
  forget(): void;
  /**
   * Ends the session outside this tab, and never fails: what remains is in the answer. `everywhere` ends the user's tokens and
   * sockets at the server, `tab` only what this tab alone has, because another tab has ended the rest.
   */
  end(session: Session, scope: 'everywhere' | 'tab'): Promise<SignedOut>;
}

/** The session, and a notice for the user, such as why they were signed out. */
export interface SessionState {
  readonly session: Session | null;
  readonly notice: string | null;
}

export interface SessionOptions {
  /** Keeps the session over reloads of this tab. */
  tab?: Storage;
  /** Announces a sign-out to the other tabs of this browser. */
  tabs?: Pick<BroadcastChannel, 'postMessage' | 'addEventListener'>;
  /** Navigates to another page. */
  leave?: (page: URL) => void;
}

/** Whether an HTTP status means that the server is busy or down. The user stays signed in. */
export const isTemporaryStatus = (status: number): boolean => status === 429 || status >= 500;

/** The server or the issuer has refused a sign-in. */
export class SignInError extends Error {
  override name = 'SignInError';
}

const tabKey = 'orderwire.session';
/** Keeps a notice while the browser is at the issuer's page. */
const noticeKey = 'orderwire.notice';
/** A token is renewed after this share of its lifetime, which leaves time for a slow network. */
const renewAfter = 0.8;
const longestTimer = 2 ** 31 - 1;

/**
 * When to renew a token that expires at `expiresAt`. It is computed with the server's clock, from the response's Date header:
 * this machine's clock may be wrong by more than a token's lifetime.
 */
export function renewalTime(expiresAt: string, response: Response): number {
  const servedAt = Date.parse(response.headers.get('date') ?? '') || Date.now();
  return Date.now() + Math.max(0, Date.parse(expiresAt) - servedAt) * renewAfter;
}

/**
 * Holds the session and renews its token. It is an external store for React (`subscribe` and `state`), and the only source of
 * the Authorization header for HTTP and websocket.
 */
export class SessionStore {
  #state: SessionState = { session: null, notice: null };
  #listeners = new Set<() => void>();
  #renewal: Promise<Session> | null = null;
  #signOut: Promise<void> | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #by: SignIn;
  readonly #tab: Storage;
  readonly #tabs: SessionOptions['tabs'];
  readonly #leave: (page: URL) => void;

  constructor(by: SignIn, options: SessionOptions = {}) {
    this.#by = by;
    this.#tab = options.tab ?? sessionStorage;
    this.#leave = options.leave ?? ((page) => location.assign(page));
    this.#tabs = options.tabs;
    this.#tabs?.addEventListener('message', ({ data }) => this.#signedOutElsewhere(data));
    const kept = parse(this.#tab.getItem(tabKey));
    const notice = this.#tab.getItem(noticeKey);
    this.#tab.removeItem(noticeKey);
    if (kept || notice) this.#set({ session: kept, notice });
  }

  readonly state = (): SessionState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Restores a session if this tab has none. Call once at start. A failure leaves nobody signed in, with a notice. */
  async restore(): Promise<void> {
    if (this.#state.session) return;
    const { session, notice } = await this.#by.restore().then(
      (found) => ({ session: found, notice: null }),
      (cause: unknown) => ({ session: null, notice: cause instanceof SignInError ? cause.message : null }),
    );
    if (session || notice) this.#set({ session, notice });
  }

  /** Signs in, in development as the named user. Fails with a `SignInError` when that is refused. */
  async signIn(user?: string): Promise<void> {
    await this.#signOut; // it would also end a newer session of the same user
    const session = await this.#by.begin(user);
    if (session) this.#set({ session, notice: null });
  }

  /** Removes the session in this tab only, because it is no longer valid. */
  forget(notice: string | null = null): void {
    this.#by.forget();
    this.#set({ session: null, notice });
  }

  /**
   * Signs out: in this tab at once, then at the server, at the issuer, and in the browser's other tabs. The notice names the parts
   * that could not be ended. It never fails.
   */
  signOut(): Promise<void> {
    const { session } = this.#state;
    if (!session) return this.#signOut ?? Promise.resolve();
    const newest = this.#renewal ?? Promise.resolve(session); // a renewal under way: its token is the one to end
    this.forget();
    this.#tabs?.postMessage(session.user);
    this.#signOut = newest
      .catch(() => session)
      .then((last) => this.#by.end(last, 'everywhere'))
      .then(({ problem, page }) => {
        if (problem && page) this.#tab.setItem(noticeKey, problem);
        else if (problem && !this.#state.session) this.#set({ session: null, notice: problem });
        if (page) this.#leave(page);
      })
      .finally(() => {
        this.#signOut = null;
      });
    return this.#signOut;
  }

  #signedOutElsewhere(user: unknown): void {
    const { session } = this.#state;
    if (!session || session.user !== user) return;
    const newest = this.#renewal ?? Promise.resolve(session);
    this.forget('You have signed out in another tab.');
    void newest.catch(() => session).then((last) => this.#by.end(last, 'tab'));
  }

  /** The value of the Authorization header, after a renewal if one is due; undefined when signed out. */
  async authorization(): Promise<string | undefined> {
    let { session } = this.#state;
    if (session && session.renewAt <= Date.now()) session = await this.#renew(session);
    return session ? `Bearer ${session.token}` : undefined;
  }

  /** Records that the server refused this header, so that the next `authorization` renews the token. */
  invalidate(authorization: string | undefined): void {
    const { session } = this.#state;
    if (session && authorization === `Bearer ${session.token}`) this.#set({ session: { ...session, renewAt: 0 }, notice: null });
  }

  /** Runs one renewal at a time, for all requests that wait for it. A refusal signs out; a network error only fails the caller. */
  #renew(old: Session): Promise<Session> {
    this.#renewal ??= this.#by
      .renew(old)
      .then((session) => {
        // The user may have signed out or changed meanwhile.
        if (this.#state.session?.user === old.user) this.#set({ session, notice: null });
        return session;
      })
      .catch((cause: unknown) => {
        if (cause instanceof SignInError && this.#state.session?.user === old.user) this.forget('Your sign-in has expired. Please sign in again.');
        throw cause;
      })
      .finally(() => {
        this.#renewal = null;
      });
    return this.#renewal;
  }

  #set(state: SessionState): void {
    this.#state = state;
    if (state.session) this.#tab.setItem(tabKey, JSON.stringify(state.session));
    else this.#tab.removeItem(tabKey);
    clearTimeout(this.#timer);
    if (state.session) {
      const wait = Math.min(longestTimer, Math.max(0, state.session.renewAt - Date.now()));
      // After a failure, the next request or reconnect renews again, not a timer.
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
