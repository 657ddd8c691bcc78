/** A payment method to choose, with its result. */
export interface PaymentMethod {
  /** The value of `paymentMethod.token`. */
  readonly token: string;
  readonly label: string;
  readonly hint: string;
  /** Set for methods that simulate faults between us and the provider: shown only on demand. */
  readonly fault?: boolean;
}

/** The chosen one of these, or the first; undefined where there is none. */
export const methodOr = (methods: readonly PaymentMethod[], token: string): PaymentMethod | undefined =>
  methods.find((method) => method.token === token) ?? methods[0];

/** The settings that the server puts into the page for every visitor, so that the app waits for no request. server/shop.go writes them. */
export interface Settings {
  /** How people sign in: by saying who they are, or at an OpenID Connect issuer. */
  readonly auth: 'dev' | 'oidc';
  /** The issuer's URL, and as which client the shop is known there. Absent in development. */
  readonly issuer?: string;
  readonly clientId?: string;
  /** What tokens have to be for, where that is not the client. */
  readonly audience?: string;
  /** Who takes new payments. */
  readonly payments: string;
  /** Whether no payment moves real money. */
  readonly testMoney: boolean;
  /** Whether money can be authorized first and captured later. */
  readonly manualCapture: boolean;
  /** The payment methods to choose from; empty if customers have to enter their own, for which this shop has no form. */
  readonly methods: readonly PaymentMethod[];
  /** What customers are told about the methods, or instead of them. */
  readonly methodsNotice: string;
  /** What to do about an action that needs the provider's own script in the browser, which this shop does not load. */
  readonly clientSecretHint: string;
  /** Whether there are a playground and a schema to look at. */
  readonly introspection: boolean;
}

/** What holds where no server has filled the page in, as under Vite's own development server. */
export const defaultSettings: Settings = {
  auth: 'dev',
  payments: '',
  testMoney: true,
  manualCapture: true,
  methods: [{ token: '', label: 'Any', hint: 'The default of the payment provider' }],
  methodsNotice: 'This page does not come from a server of Orderwire and does not know how one can pay there.',
  clientSecretHint: '',
  introspection: true,
};

/** The settings of the page. */
export function readSettings(page: Document = document): Settings {
  const text = page.querySelector<HTMLMetaElement>('meta[name="orderwire"]')?.content;
  return text ? { ...defaultSettings, ...(JSON.parse(text) as Partial<Settings>) } : defaultSettings;
}
