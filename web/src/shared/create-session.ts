import { DevSignIn } from './dev-sign-in';
import { SessionStore } from './session';
import type { Settings } from './settings';

/** Creates this tab's session with the server's way to sign in. The code for OpenID Connect is loaded only where it is used. */
export async function createSession(settings: Settings): Promise<SessionStore> {
  const by = settings.auth === 'oidc' ? new (await import('./oidc-sign-in')).OidcSignIn(settings) : new DevSignIn();
  const session = new SessionStore(by, { tabs: new BroadcastChannel('orderwire.sign-out') });
  await session.restore();
  return session;
}
