import * as oauth from 'oauth4webapi';
import { stringifyDocument } from 'urql';
import { graphql } from '../gql';
import { isTemporaryStatus, renewalTime, SignInError, type Session, type SignedOut, type SignIn } from './session';
import type { Settings } from './settings';
import { endAtServer, insist, serverNotTold } from './sign-out';

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

/** What has to be remembered while the browser is at the issuer's page. */
interface Journey {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** Where the person was. */
  readonly from: string;
}

const journeyKey = 'orderwire.sign-in';

/**
 * Signs in at an OpenID Connect issuer: the authorization code flow of a public client, with PKCE (RFC 7636, RFC 9700). The
 * issuer sends people back to `/`, which it has to know as the client's redirect URI; its token endpoint has to be at the
 * issuer's own origin, the only one that the page's policy lets it connect to, and has to allow the shop's origin (CORS).
 *
 * Tokens stay in this tab: they leave with it. With a refresh token they are renewed unseen, else one signs in again.
 *
 * A sign-out also revokes the refresh token, if the issuer has a revocation endpoint (CORS again), and ends the issuer's own
 * session, if it has an end_session_endpoint: `/` is then its post-logout redirect URI, which it has to know too.
 */
export class OidcSignIn implements SignIn {
  readonly #settings: Settings;
  #server: Promise<oauth.AuthorizationServer> | null = null;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  async begin(): Promise<null> {
    const server = await this.#discover();
    if (!server.authorization_endpoint) throw new SignInError('The issuer has no page to sign in at.');
    const journey: Journey = {
      state: oauth.generateRandomState(),
      nonce: oauth.generateRandomNonce(),
      verifier: oauth.generateRandomCodeVerifier(),
      from: location.pathname + location.search,
    };
    sessionStorage.setItem(journeyKey, JSON.stringify(journey));
    const page = new URL(server.authorization_endpoint);
    const parameters = {
      client_id: this.#client().client_id,
      redirect_uri: redirectURI(),
      response_type: 'code',
      // Without asking for it, many issuers give no refresh token.
      scope: server.scopes_supported?.includes('offline_access') ? 'openid profile offline_access' : 'openid profile',
      state: journey.state,
      nonce: journey.nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(journey.verifier),
      code_challenge_method: 'S256',
      ...(this.#settings.audience ? { audience: this.#settings.audience } : {}),
    };
    for (const [name, value] of Object.entries(parameters)) page.searchParams.set(name, value);
    location.assign(page);
    return null;
  }

  async restore(): Promise<Session | null> {
    const kept = sessionStorage.getItem(journeyKey);
    const here = new URL(location.href);
    if (!kept || !here.searchParams.has('state')) return null;
    sessionStorage.removeItem(journeyKey); // whatever comes of it, a code is used once
    const journey = JSON.parse(kept) as Journey;
    history.replaceState(null, '', journey.from);
    return this.#grant(async (server, client) => {
      const answer = oauth.validateAuthResponse(server, client, here, journey.state);
      const response = await oauth.authorizationCodeGrantRequest(server, client, oauth.None(), answer, redirectURI(), journey.verifier, this.#transport());
      return oauth.processAuthorizationCodeResponse(server, client, response, { expectedNonce: journey.nonce, requireIdToken: true });
    });
  }

  async renew(old: Session): Promise<Session> {
    const { refreshToken } = old;
    if (!refreshToken) throw new SignInError('The issuer gave nothing to renew the sign-in with.');
    const session = await this.#grant(async (server, client) => {
      const response = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), refreshToken, this.#transport());
      return oauth.processRefreshTokenResponse(server, client, response);
    });
    // What an issuer does not give anew stays as it is.
    return { refreshToken, ...(old.idToken ? { idToken: old.idToken } : {}), ...session };
  }

  forget(): void {
    sessionStorage.removeItem(journeyKey);
  }

  async end(session: Session, scope: 'everywhere' | 'tab'): Promise<SignedOut> {
    const [told, server] = await Promise.all([
      scope === 'tab' || endAtServer(session.token),
      this.#revoke(session), // also where the server is away
    ]);
    const problems = [...(told ? [] : [serverNotTold]), ...(server ? [] : [issuerNotTold])];
    const page = scope === 'everywhere' && server ? this.#endSessionPage(server, session) : null;
    return { problem: problems.join(' ') || null, ...(page ? { page } : {}) };
  }

  /** Revokes the refresh token (RFC 7009) where the issuer can do that. Null when the issuer could not be told. */
  async #revoke({ refreshToken }: Session): Promise<oauth.AuthorizationServer | null> {
    let server: oauth.AuthorizationServer | null = null;
    const told = await insist(async (signal) => {
      server = await this.#discover();
      if (!refreshToken || !server.revocation_endpoint) return;
      const options = { ...this.#transport(), signal, additionalParameters: { token_type_hint: 'refresh_token' } };
      await oauth.processRevocationResponse(await oauth.revocationRequest(server, this.#client(), oauth.None(), refreshToken, options));
    });
    return told ? server : null;
  }

  /** Where the issuer's own session ends (OpenID Connect RP-Initiated Logout 1.0), or the next one signs in without a password. */
  #endSessionPage(server: oauth.AuthorizationServer, { idToken }: Session): URL | null {
    if (!server.end_session_endpoint) return null;
    const page = new URL(server.end_session_endpoint);
    page.searchParams.set('client_id', this.#client().client_id);
    page.searchParams.set('post_logout_redirect_uri', redirectURI());
    if (idToken) page.searchParams.set('id_token_hint', idToken);
    return page;
  }

  /** Gets tokens, and asks the server whose they are: only it knows what they allow. */
  async #grant(ask: (server: oauth.AuthorizationServer, client: oauth.Client) => Promise<oauth.TokenEndpointResponse>): Promise<Session> {
    let tokens: oauth.TokenEndpointResponse;
    try {
      tokens = await ask(await this.#discover(), this.#client());
    } catch (cause) {
      // What the issuer has refused is final; a network that failed, or an issuer that is busy, is not.
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
        this.#server = null; // the next try asks again
        throw new SignInError('The issuer cannot be reached. Please try again.', { cause });
      });
    return this.#server;
  }

  /** The server allows plain http for an issuer on this machine only. */
  #transport() {
    return { [oauth.allowInsecureRequests]: this.#settings.issuer?.startsWith('http:') ?? false };
  }
}

const issuerNotTold = 'Your sign-in at the issuer could not be ended: please sign out there too.';

const redirectURI = () => `${location.origin}/`;
