import { isTemporaryStatus, renewalTime, SignInError, type Role, type Session, type SignedOut, type SignIn } from './session';
import { endAtServer, serverNotTold } from './sign-out';

/** The users of development: two customers, who never see each other's orders, and one member of staff. */
export const devUsers: readonly { user: string; role: Role; label: string }[] = [
  { user: 'ada', role: 'CUSTOMER', label: 'Ada' },
  { user: 'grace', role: 'CUSTOMER', label: 'Grace' },
  { user: 'staff', role: 'STAFF', label: 'Staff' },
];

export interface DevSignInOptions {
  fetch?: typeof fetch;
  /** Keeps the last user's name, so that a new tab signs in by itself. */
  browser?: Storage;
}

const browserKey = 'orderwire.user';

/** Signs in by user name, through `POST /dev/token`. The server refuses that outside development. */
export class DevSignIn implements SignIn {
  readonly #fetch: typeof fetch;
  readonly #browser: Storage;

  constructor(options: DevSignInOptions = {}) {
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
    this.#browser = options.browser ?? localStorage;
  }

  async restore(): Promise<Session | null> {
    const user = this.#browser.getItem(browserKey);
    const known = devUsers.find((candidate) => candidate.user === user);
    return known ? this.#request(known.user, known.role).catch(() => null) : null;
  }

  async begin(user: string = devUsers[0]!.user): Promise<Session> {
    const session = await this.#request(user, devUsers.find((known) => known.user === user)?.role ?? 'CUSTOMER');
    this.#browser.setItem(browserKey, user);
    return session;
  }

  renew({ user, role }: Session): Promise<Session> {
    return this.#request(user, role);
  }

  forget(): void {
    this.#browser.removeItem(browserKey);
  }

  async end({ token }: Session, scope: 'everywhere' | 'tab'): Promise<SignedOut> {
    const told = scope === 'tab' || (await endAtServer(token, this.#fetch));
    return { problem: told ? null : serverNotTold };
  }

  async #request(user: string, role: Role): Promise<Session> {
    const response = await this.#fetch('/dev/token', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user, role }),
    });
    if (isTemporaryStatus(response.status)) throw new Error(`Signing in failed for now (${response.status}). Try again in a moment.`);
    if (!response.ok) throw new SignInError(`Signing in was refused (${response.status}).`);
    const { token, expiresAt } = (await response.json()) as { token: string; expiresAt: string };
    return { user, role, token, renewAt: renewalTime(expiresAt, response) };
  }
}
