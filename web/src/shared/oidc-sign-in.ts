import * as oauth from 'oauth4webapi';
import { stringifyDocument } from 'urql';
import { graphql } from '../gql';
import { isTemporaryStatus, renewalTime, SignInError, type Session, type SignedOut, type SignIn } from './session';
import type { Settings } from './settings';
import { endAtServer, serverNotTold, withRetries } from './sign-out';

const ViewerQuery = graphql(`
  query Viewer {
    viewer {
      id
      name
      role
      expiresAt
    }
  }
`);

/** The state of a sign-in while the browser is at the issuer's page. */
interface PendingSignIn {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** The page to return to. */
  readonly from: string;
}

const pendingKey = 'orderwire.sign-in';

/**
 * Signs in at an OpenID Connect issuer with the authorization code flow of a public client and PKCE (RFC 7636, RFC 9700).
 * The issuer must have `/` registered as the client's redirect URI. Its token endpoint must be at the issuer's origin, the only
 * other origin that the content security policy allows, and must allow the shop's origin (CORS).
 *
 * Tokens are kept in this tab only. They are renewed with the refresh token if the issuer gave one; otherwise the user signs in
 * again.
 *
 * A sign-out also revokes the refresh token, if the issuer has a revocation endpoint (CORS again), and ends the issuer's own
 * session, if it has an end_session_endpoint. `/` must then be registered as post-logout redirect URI.
 */
export class OidcSignIn implements SignIn {
  readonly #settings: Settings;
  #server: Promise<oauth.AuthorizationServer> | null = null;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  async begin(): Promise<null> {
    const server = await this.#discover();
    if (!server.authorization_endpoint) throw new SignInError('The issuer has no authorization endpoint.');
    const pending: PendingSignIn = {
      state: oauth.generateRandomState(),
      nonce: oauth.generateRandomNonce(),
      verifier: oauth.generateRandomCodeVerifier(),
      from: location.pathname + location.search,
    };
    sessionStorage.setItem(pendingKey, JSON.stringify(pending));
    const page = new URL(server.authorization_endpoint);
    const parameters = {
      client_id: this.#client().client_id,
      redirect_uri: redirectURI(),
      response_type: 'code',
      // Many issuers give a refresh token only for this scope.
      scope: server.scopes_supported?.includes('offline_access') ? 'openid profile offline_access' : 'openid profile',
      state: pending.state,
      nonce: pending.nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(pending.verifier),
      code_challenge_method: 'S256',
      ...(this.#settings.audience ? { audience: this.#settings.audience } : {}),
    };
    for (const [name, value] of Object.entries(parameters)) page.searchParams.set(name, value);
    location.assign(page);
    return null;
  }

  async restore(): Promise<Session | null> {
    const kept = sessionStorage.getItem(pendingKey);
    const here = new URL(location.href);
    if (!kept || !here.searchParams.has('state')) return null;
    sessionStorage.removeItem(pendingKey); // a code can be redeemed only once
    const pending = JSON.parse(kept) as PendingSignIn;
    history.replaceState(null, '', pending.from);
    return this.#grant(async (server, client) => {
      const answer = oauth.validateAuthResponse(server, client, here, pending.state);
      const response = await oauth.authorizationCodeGrantRequest(server, client, oauth.None(), answer, redirectURI(), pending.verifier, this.#transport());
      return oauth.processAuthorizationCodeResponse(server, client, response, { expectedNonce: pending.nonce, requireIdToken: true });
    });
  }

  async renew(old: Session): Promise<Session> {
    const { refreshToken } = old;
    if (!refreshToken) throw new SignInError('The issuer gave no refresh token.');
    const session = await this.#grant(async (server, client) => {
      const response = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), refreshToken, this.#transport());
      return oauth.processRefreshTokenResponse(server, client, response);
    });
    // Tokens that the issuer did not replace stay valid.
    return { refreshToken, ...(old.idToken ? { idToken: old.idToken } : {}), ...session };
  }

  forget(): void {
    sessionStorage.removeItem(pendingKey);
  }

  async end(session: Session, scope: 'everywhere' | 'tab'): Promise<SignedOut> {
    const [told, server] = await Promise.all([
      scope === 'tab' || endAtServer(session.token),
      this.#revoke(session), // although the server may be unreachable
    ]);
    const problems = [...(told ? [] : [serverNotTold]), ...(server ? [] : [issuerNotTold])];
    const page = scope === 'everywhere' && server ? this.#endSessionPage(server, session) : null;
    return { problem: problems.join(' ') || null, ...(page ? { page } : {}) };
  }

  /** Revokes the refresh token (RFC 7009) if the issuer has an endpoint for it. Null if the issuer did not answer. */
  async #revoke({ refreshToken }: Session): Promise<oauth.AuthorizationServer | null> {
    let server: oauth.AuthorizationServer | null = null;
    const told = await withRetries(async (signal) => {
      server = await this.#discover();
      if (!refreshToken || !server.revocation_endpoint) return;
      const options = { ...this.#transport(), signal, additionalParameters: { token_type_hint: 'refresh_token' } };
      await oauth.processRevocationResponse(await oauth.revocationRequest(server, this.#client(), oauth.None(), refreshToken, options));
    });
    return told ? server : null;
  }

  /** The page that ends the issuer's own session (OpenID Connect RP-Initiated Logout 1.0); otherwise the next sign-in needs no password. */
  #endSessionPage(server: oauth.AuthorizationServer, { idToken }: Session): URL | null {
    if (!server.end_session_endpoint) return null;
    const page = new URL(server.end_session_endpoint);
    page.searchParams.set('client_id', this.#client().client_id);
    page.searchParams.set('post_logout_redirect_uri', redirectURI());
    if (idToken) page.searchParams.set('id_token_hint', idToken);
    return page;
  }

  /** Gets tokens, and asks the server for their user and role. */
  async #grant(ask: (server: oauth.AuthorizationServer, client: oauth.Client) => Promise<oauth.TokenEndpointResponse>): Promise<Session> {
    let tokens: oauth.TokenEndpointResponse;
    try {
      tokens = await ask(await this.#discover(), this.#client());
    } catch (cause) {
      // A refusal of the issuer is final. A network error or a busy issuer is temporary.
      const refused = (cause instanceof oauth.ResponseBodyError && !isTemporaryStatus(cause.status)) || cause instanceof oauth.AuthorizationResponseError || cause instanceof oauth.OperationProcessingError;
      throw refused ? new SignInError('The issuer did not sign you in. Please try again.', { cause }) : cause;
    }
    const response = await fetch('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${tokens.access_token}` },
      body: JSON.stringify({ operationName: 'Viewer', query: stringifyDocument(ViewerQuery) }),
    });
    if (isTemporaryStatus(response.status)) throw new Error(`Signing in failed for now (${response.status}). Try again in a moment.`);
    const { data } = (await response.json()) as { data?: { viewer: { id: string; name: string; role: Session['role']; expiresAt: string } | null } };
    if (!data?.viewer) throw new SignInError('The issuer signed you in, but this server does not accept its token.');
    const { id, name, role, expiresAt } = data.viewer;
    return {
      user: id,
      name,
      role,
      token: tokens.access_token,
      renewAt: renewalTime(expiresAt, response),
      ...(tokens.refresh_token ? { refreshToken: tokens.refresh_token } : {}),
      ...(tokens.id_token ? { idToken: tokens.id_token } : {}),
    };
  }

  #client(): oauth.Client {
    if (!this.#settings.clientId) throw new SignInError('This server has no OIDC_CLIENT_ID, so the shop cannot sign anybody in.');
    return { client_id: this.#settings.clientId };
  }

  #discover(): Promise<oauth.AuthorizationServer> {
    const issuer = new URL(this.#settings.issuer ?? '');
    this.#server ??= oauth
      .discoveryRequest(issuer, this.#transport())
      .then((response) => oauth.processDiscoveryResponse(issuer, response))
      .catch((cause: unknown) => {
        this.#server = null; // the next call tries again
        throw new SignInError('The issuer cannot be reached. Please try again.', { cause });
      });
    return this.#server;
  }

  /** Plain http is possible only where the server allows it: for an issuer on this machine. */
  #transport() {
    return { [oauth.allowInsecureRequests]: this.#settings.issuer?.startsWith('http:') ?? false };
  }
}

const issuerNotTold = 'Your session at the issuer could not be ended. Please sign out there too.';

const redirectURI = () => `${location.origin}/`;
