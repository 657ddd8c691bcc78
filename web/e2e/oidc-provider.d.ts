// What the tests use of oidc-provider, which has no types of its own.
declare module 'oidc-provider' {
  import type { RequestListener } from 'node:http';

  export class Provider {
    constructor(issuer: string, configuration: Record<string, unknown>);
    on(event: string, listener: (...arguments_: unknown[]) => void): this;
    callback(): RequestListener;
  }
}
