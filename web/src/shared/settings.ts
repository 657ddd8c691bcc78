/** What the server tells every visitor in the page itself, so that nothing has to be waited for. server/shop.go writes it. */
export interface Settings {
  /** How people sign in: by saying who they are, or at an OpenID Connect issuer. */
  readonly auth: 'dev' | 'oidc';
  /** The issuer's URL, and as which client the shop is known there. Absent in development. */
  readonly issuer?: string;
  readonly clientId?: string;
  /** What tokens have to be for, where that is not the client. */
  readonly audience?: string;
  /** Who takes the payments. */
  readonly payments: 'simulated' | 'stripe';
  /** Whether no payment moves real money. */
  readonly testMoney: boolean;
  /** Whether there are a playground and a schema to look at. */
  readonly introspection: boolean;
}

/** What holds where no server has filled the page in, as under Vite's own development server. */
export const defaultSettings: Settings = { auth: 'dev', payments: 'simulated', testMoney: true, introspection: true };

/** The settings of the page. */
export function readSettings(page: Document = document): Settings {
  const text = page.querySelector<HTMLMetaElement>('meta[name="orderwire"]')?.content;
  return text ? { ...defaultSettings, ...(JSON.parse(text) as Partial<Settings>) } : defaultSettings;
}
