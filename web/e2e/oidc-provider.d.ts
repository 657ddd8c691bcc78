// Types of the parts of oidc-provider that the tests use; the package has none.
declare module 'oidc-provider/lib/provider.js' {
  import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

  interface Grant {
    addOIDCScope(scope: string): void;
    addResourceScope(resource: string, scope: string): void;
    save(): Promise<string>;
  }

  interface Interaction {
    prompt: { name: 'login' | 'consent'; details: { missingOIDCScope?: string[]; missingResourceScopes?: Record<string, string[]> } };
    params: { client_id: string };
    session?: { accountId: string };
    grantId?: string;
  }

  export class Provider {
    constructor(issuer: string, configuration: Record<string, unknown>);
    readonly Grant: { new (of: { accountId: string | undefined; clientId: string }): Grant; find(id: string): Promise<Grant> };
    on(event: string, listener: (...arguments_: unknown[]) => void): this;
    callback(): RequestListener;
    interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<Interaction>;
    interactionFinished(request: IncomingMessage, response: ServerResponse, result: object, options: { mergeWithLastSubmission: boolean }): Promise<void>;
  }
}

declare module 'oidc-provider/lib/adapters/memory_adapter.js' {
  /** Keeps everything in memory. Clocks may differ by `clockTolerance` seconds. */
  export function createMemoryAdapter(clockTolerance: number): unknown;
}
