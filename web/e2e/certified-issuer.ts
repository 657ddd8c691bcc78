import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
// Not the package's index, which warns on Node.js below 22: the tests also run on 20.
import { createMemoryAdapter } from 'oidc-provider/lib/adapters/memory_adapter.js';
import { Provider } from 'oidc-provider/lib/provider.js';

/** The shop's issuer, by a certified OpenID Connect library. The pages are ours: the library's pages warn, and load fonts from another host. */
export class CertifiedIssuer {
  /** Number of refresh tokens that a client revoked; a sign-out alone does not raise it. */
  revoked = 0;
  /** Number of the issuer's sessions that have ended. */
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

  static async start(): Promise<CertifiedIssuer> {
    const http = createServer();
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    return new CertifiedIssuer(http);
  }

  /** Registers the shop as a client. The issuer must be started first: the shop is ready only once it has the issuer's keys. */
  register(shop: string): void {
    this.#answer = this.#provider([shop]);
  }

  #provider(shops: string[]): RequestListener {
    const provider = new Provider(this.url, {
      clients: shops.map((shop) => ({
        client_id: 'shop',
        application_type: 'native', // native clients may have http redirect URIs on this machine
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        redirect_uris: [`${shop}/`],
        post_logout_redirect_uris: [`${shop}/`],
      })),
      jwks: { keys: [this.#key] },
      adapter: createMemoryAdapter(0),
      features: {
        devInteractions: { enabled: false },
        revocation: { enabled: true, allowedPolicy: (_context: unknown, client: { clientId: string }, token: { clientId: string }) => client.clientId === token.clientId },
        rpInitiatedLogout: {
          logoutSource: (context: { body: string }, form: string) => {
            context.body = page(`${form}<button form="op.logoutForm" name="logout" value="yes">Yes, sign me out</button>`);
          },
        },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => 'urn:orderwire',
          useGrantedResource: () => true,
          getResourceServerInfo: () => ({ scope: 'openid', audience: 'shop', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }),
        },
      },
      // The shop has another port, and so another origin.
      clientBasedCORS: (_context: unknown, origin: string) => shops.includes(origin),
      ttl: { AccessToken: 3600, Grant: 3600, IdToken: 3600, Interaction: 3600, RefreshToken: 3600, Session: 3600 },
      issueRefreshToken: () => true,
      interactions: { url: (_context: unknown, { uid }: { uid: string }) => `${interaction}${uid}` },
      findAccount: (_context: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id }) }),
    });
    provider.on('refresh_token.destroyed', () => this.revoked++);
    provider.on('end_session.success', () => this.ended++);
    const answer = provider.callback();
    return (request, response) => {
      if (!request.url?.startsWith(interaction)) return void answer(request, response);
      interact(provider, request, response).catch((cause: unknown) => response.writeHead(500).end(String(cause)));
    };
  }

  async stop(): Promise<void> {
    this.#http.close();
    this.#http.closeAllConnections();
    await once(this.#http, 'close');
  }
}

/** The path of the sign-in and consent pages. */
const interaction = '/interaction/';

const page = (body: string) => `<!doctype html><html lang="en"><title>Issuer</title>${body}</html>`;
const pages = {
  login: page('<form method="post"><input name="login" placeholder="Enter any login"><input type="password" placeholder="and password"><button>Sign-in</button></form>'),
  consent: page('<form method="post"><button>Continue</button></form>'),
};

/** Shows the page that the provider requires, or reports the user's answer to it. */
async function interact(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  if (request.method !== 'POST') {
    response.setHeader('content-type', 'text/html').end(pages[prompt.name]);
    return;
  }
  if (prompt.name === 'login') {
    const accountId = new URLSearchParams(await text(request)).get('login');
    await provider.interactionFinished(request, response, { login: { accountId } }, { mergeWithLastSubmission: false });
    return;
  }
  const grant = grantId ? await provider.Grant.find(grantId) : new provider.Grant({ accountId: session?.accountId, clientId: params.client_id });
  const { missingOIDCScope = [], missingResourceScopes = {} } = prompt.details;
  if (missingOIDCScope.length > 0) grant.addOIDCScope(missingOIDCScope.join(' '));
  for (const [resource, scopes] of Object.entries(missingResourceScopes)) grant.addResourceScope(resource, scopes.join(' '));
  await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
}
