/** What a user may do, as in the schema. */
export type Role = 'CUSTOMER' | 'STAFF';

/** Somebody who is signed in, and the token that proves it. */
export interface Session {
  /** Tells users apart: the name in development, else the server's id for them. */
  readonly user: string;
  /** What to call them; `user` where it is missing. */
  readonly name?: string;
  readonly role: Role;
  readonly token: string;
  /** When to fetch the next token, in milliseconds of this machine's clock. */
  readonly renewAt: number;
  /** What the next token is fetched with, where the issuer gives such a thing. */
  readonly refreshToken?: string;
  /** Tells the issuer which of its sessions a sign-out is about. */
  readonly idToken?: string;
}

/** What came of a sign-out beyond this tab. */
export interface SignedOut {
  /** What could not be ended, for the person; null when all has. */
  readonly problem: string | null;
  /** The issuer's page that ends the issuer's own session; the browser goes there and comes back. */
  readonly page?: URL;
}

/** How people prove who they are: DevSignIn in development, else OidcSignIn. */
export interface SignIn {
  /** The session to start with in a tab that has none: of who was here last, or of who comes back from the issuer. */
  restore(): Promise<Session | null>;
  /** Signs in. Null when the browser leaves for the issuer's page instead. */
  begin(user?: string): Promise<Session | null>;
  /** The same user's next token. A SignInError says that there is none to be had. */
  renew(session: Session): Promise<Session>;
  /** Forgets who was here. */
  forget(): void;
  /**
   * Ends the session outside this tab, and never fails: what remains is in the answer. `everywhere` ends the user's tokens and
   * sockets at the server, `tab` only what this tab alone has, because another tab has ended the rest.
   */
  end(session: Session, scope: 'everywhere' | 'tab'): Promise<SignedOut>;
}

/** Who is signed in, and if nobody is, why: `notice` tells the person. */
export interface SessionState {
  readonly session: Session | null;
  readonly notice: string | null;
}

export interface SessionOptions {
  /** Holds the token for reloads of this tab. */
  tab?: Storage;
  /** Tells the other tabs of this browser who signs out. Absent: they are not told. */
  tabs?: Pick<BroadcastChannel, 'postMessage' | 'addEventListener'>;
  /** Sends the browser to another page. */
  leave?: (page: URL) => void;
}

/** Whether a status says that a server is busy or away. It says nothing about the user, who stays signed in. */
export const isTemporaryStatus = (status: number): boolean => status === 429 || status >= 500;

/** Raised when the server refuses to sign somebody in. */
export class SignInError extends Error {
  override name = 'SignInError';
}

const tabKey = 'orderwire.session';
/** Keeps a notice while the browser is at the issuer's page. */
const noticeKey = 'orderwire.notice';
/** A token is replaced after this share of its life, early enough to survive a slow network. */
const renewAfter = 0.8;
const longestTimer = 2 ** 31 - 1;

/**
 * When to renew a token that expires at `expiresAt`, as the server said in this response: measured against the server's own
 * clock, because this machine's may be wrong by more than a token's life.
 */
export function renewalTime(expiresAt: string, response: Response): number {
  const servedAt = Date.parse(response.headers.get('date') ?? '') || Date.now();
  return Date.now() + Math.max(0, Date.parse(expiresAt) - servedAt) * renewAfter;
}

/**
 * Knows who is signed in and keeps their token fresh. It is an external store for React (`subscribe` and `state`), and the
 * one source of the Authorization header for HTTP and websocket.
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

  /** Finds who this is, if this tab does not know it. Call once at start; a failure leaves nobody signed in, and says why. */
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
    await this.#signOut; // which would end a newer session of the same user too
    const session = await this.#by.begin(user);
    if (session) this.#set({ session, notice: null });
  }

  /** Forgets the session in this tab only, because it is no longer good. */
  forget(notice: string | null = null): void {
    this.#by.forget();
    this.#set({ session: null, notice });
  }

  /**
   * Signs out: in this tab at once, then at the server, at the issuer, and in the browser's other tabs. What could not be ended
   * is in the notice. It never fails.
   */
  signOut(): Promise<void> {
    const { session } = this.#state;
    if (!session) return this.#signOut ?? Promise.resolve();
    const newest = this.#renewal ?? Promise.resolve(session); // a token on its way would outlive the one of now
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
    this.#renewal ??= this.#by
      .renew(old)
      .then((session) => {
        // Somebody may have signed out or switched meanwhile: their choice stands.
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
