import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The grant behind a code or a refresh token. */
interface Grant {
  readonly user: string;
  readonly nonce?: string | undefined;
  readonly challenge?: string;
  readonly redirectURI?: string;
}

/**
 * A small OpenID Connect issuer for one public client: discovery, keys, a sign-in page, and a token endpoint that redeems codes
 * with PKCE and refresh tokens, each once. `grace` is staff, all others are customers.
 */
export class Issuer {
  readonly clientId = 'shop';
  /** Types of the redeemed grants, in order. */
  readonly granted: string[] = [];
  /** Lifetime of access tokens, in seconds. */
  readonly lifetime = 3600;
  readonly #keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
  readonly #codes = new Map<string, Grant>();
  readonly #refreshTokens = new Map<string, Grant>();
  readonly #http = createServer((request, response) => {
    this.#answer(request, response).catch((cause: unknown) => response.writeHead(500).end(String(cause)));
  });

  static async start(): Promise<Issuer> {
    const issuer = new Issuer();
    issuer.#http.listen(0, '127.0.0.1');
    await once(issuer.#http, 'listening');
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#http.close();
    this.#http.closeAllConnections();
    await once(this.#http, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url);
    const json = (value: unknown, status = 200) =>
      response.writeHead(status, { 'content-type': 'application/json', 'access-control-allow-origin': '*', 'cache-control': 'no-store' }).end(JSON.stringify(value));
    switch (pathname) {
      case '/.well-known/openid-configuration':
        return void json({
          issuer: this.url,
          authorization_endpoint: `${this.url}/authorize`,
          token_endpoint: `${this.url}/token`,
          jwks_uri: `${this.url}/keys`,
          response_types_supported: ['code'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: ['RS256'],
        });
      case '/keys':
        return void json({ keys: [{ ...this.#keys.publicKey.export({ format: 'jwk' }), kid: '1', alg: 'RS256', use: 'sig' }] });
      case '/authorize': {
        const user = searchParams.get('user');
        if (!user) {
          const form = (name: string) => `<p><a href="/authorize?${searchParams.toString()}&amp;user=${name}">${name}</a></p>`;
          return void response.writeHead(200, { 'content-type': 'text/html' }).end(`<title>Issuer</title><h1>Sign in</h1>${['ada', 'grace'].map(form).join('')}`);
        }
        const code = randomUUID();
        const redirectURI = searchParams.get('redirect_uri') ?? '';
        this.#codes.set(code, { user, nonce: searchParams.get('nonce') ?? undefined, challenge: searchParams.get('code_challenge') ?? '', redirectURI });
        const back = new URL(redirectURI);
        back.searchParams.set('code', code);
        back.searchParams.set('state', searchParams.get('state') ?? '');
        return void response.writeHead(302, { location: back.href }).end();
      }
      case '/token': {
        let body = '';
        for await (const chunk of request) body += String(chunk);
        const form = new URLSearchParams(body);
        const grant = this.#redeem(form);
        if (!grant) return void json({ error: 'invalid_grant' }, 400);
        this.granted.push(form.get('grant_type') ?? '');
        return void json(this.#tokens(grant));
      }
      default:
        return void response.writeHead(pathname === '/favicon.ico' ? 204 : 404).end();
    }
  }

  #redeem(form: URLSearchParams): Grant | undefined {
    const [store, token] = form.get('grant_type') === 'refresh_token' ? [this.#refreshTokens, form.get('refresh_token')] : [this.#codes, form.get('code')];
    const grant = store.get(token ?? '');
    store.delete(token ?? '');
    if (!grant || form.get('client_id') !== this.clientId || store === this.#refreshTokens) return grant;
    const challenge = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url');
    return challenge === grant.challenge && form.get('redirect_uri') === grant.redirectURI ? grant : undefined;
  }

  #tokens({ user, nonce }: Grant) {
    const refreshToken = randomUUID();
    this.#refreshTokens.set(refreshToken, { user });
    const role = user === 'grace' ? 'STAFF' : 'CUSTOMER';
    return {
      token_type: 'Bearer',
      expires_in: this.lifetime,
      refresh_token: refreshToken,
      access_token: this.#sign('at+jwt', { sub: user, name: user, role, client_id: this.clientId }),
      id_token: this.#sign('JWT', { sub: user, nonce }),
    };
  }

  #sign(typ: string, claims: Record<string, unknown>): string {
    const now = Math.floor(Date.now() / 1000);
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const text = `${part({ alg: 'RS256', kid: '1', typ })}.${part({ iss: this.url, aud: this.clientId, iat: now, exp: now + this.lifetime, jti: randomUUID(), ...claims })}`;
    return `${text}.${sign('sha256', Buffer.from(text), this.#keys.privateKey).toString('base64url')}`;
  }
}
