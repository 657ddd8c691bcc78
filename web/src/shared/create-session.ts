import { DevSignIn } from './dev-sign-in';
import { SessionStore } from './session';
import type { Settings } from './settings';

/** The session of this tab, as this server has people sign in. What only an issuer needs is loaded only then. */
export async function createSession(settings: Settings): Promise<SessionStore> {
  const by = settings.auth === 'oidc' ? new (await import('./oidc-sign-in')).OidcSignIn(settings) : new DevSignIn();
  const session = new SessionStore(by, { tabs: new BroadcastChannel('orderwire.sign-out') });
  await session.restore();
  return session;
}
