import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';

/** Certified OpenID Connect software of others, as the shop's issuer: its pages to sign in, to consent and to sign out included. */
export class RealIssuer {
  /** Refresh tokens that a client had revoked; a sign-out alone does not raise this. */
  revoked = 0;
  /** Sessions of the issuer that have ended. */
  ended = 0;
  readonly #key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
  #answer: RequestListener;
  /** Answers 503 to everything while it is true. */
  away = false;
  readonly #http: Server;
  readonly url: string;

  private constructor(http: Server) {
    this.#http = http;
    this.url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    this.#answer = this.#provider([]);
    http.on('request', (request, response) => (this.away ? response.writeHead(503).end() : this.#answer(request, response)));
  }

  static async start(): Promise<RealIssuer> {
    const http = createServer();
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    return new RealIssuer(http);
  }

  /** Makes the shop its client. The shop is ready only when it has the issuer's keys, so the issuer is there before. */
  register(shop: string): void {
    this.#answer = this.#provider([shop]);
  }

  #provider(shops: string[]): RequestListener {
    const provider = new Provider(this.url, {
      clients: shops.map((shop) => ({
        client_id: 'shop',
        application_type: 'native', // whose redirect URIs may be this machine's, by http
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        redirect_uris: [`${shop}/`],
        post_logout_redirect_uris: [`${shop}/`],
      })),
      jwks: { keys: [this.#key] },
      features: {
        revocation: { enabled: true },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => 'urn:orderwire',
          useGrantedResource: () => true,
          getResourceServerInfo: () => ({ scope: 'openid', audience: 'shop', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }),
        },
      },
      // The shop is at another port, which is another origin.
      clientBasedCORS: (_context: unknown, origin: string) => shops.includes(origin),
      ttl: { AccessToken: 3600, Grant: 3600, IdToken: 3600, Interaction: 3600, RefreshToken: 3600, Session: 3600 },
      issueRefreshToken: () => true,
      findAccount: (_context: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id }) }),
    });
    provider.on('refresh_token.destroyed', () => this.revoked++);
    provider.on('end_session.success', () => this.ended++);
    return provider.callback();
  }

  async stop(): Promise<void> {
    this.#http.close();
    this.#http.closeAllConnections();
    await once(this.#http, 'close');
  }
}
