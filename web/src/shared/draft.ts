/** The draft order of this tab. It survives reloads, so an order whose answer was lost can be submitted again safely. */
export interface Draft {
  /** Product id → quantity, 1 to 999, in the order in which they were added. */
  readonly items: Readonly<Record<string, number>>;
  /** The currency of all items; null while the draft is empty. */
  readonly currency: string | null;
  readonly paymentToken: string;
  /** Whether the payment is only authorized until staff capture it. */
  readonly captureLater: boolean;
  /** The idempotency key of this content: every attempt to submit it sends the same key, and every change makes a new one. */
  readonly idempotencyKey: string;
}

const storageKey = 'orderwire.draft';
export const maxQuantity = 999;
export const maxItems = 100;

/** An external store for React with the draft of one tab. */
export class DraftStore {
  #draft: Draft;
  #listeners = new Set<() => void>();
  readonly #storage: Storage;

  constructor(storage: Storage = sessionStorage) {
    this.#storage = storage;
    this.#draft = parse(storage.getItem(storageKey)) ?? blank();
  }

  readonly state = (): Draft => this.#draft;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Adds one piece. A product in another currency is ignored; the caller must not offer it. */
  add(product: { id: string; currency: string }): void {
    const { items, currency } = this.#draft;
    if (currency !== null && currency !== product.currency) return;
    this.#change({ items: { ...items, [product.id]: clamp((items[product.id] ?? 0) + 1) }, currency: product.currency });
  }

  /** Sets a quantity; zero removes the item. */
  setQuantity(productId: string, quantity: number): void {
    const items = { ...this.#draft.items };
    if (quantity <= 0) delete items[productId];
    else items[productId] = clamp(quantity);
    this.#change({ items, currency: Object.keys(items).length > 0 ? this.#draft.currency : null });
  }

  setPaymentToken(paymentToken: string): void {
    this.#change({ paymentToken });
  }

  setCaptureLater(captureLater: boolean): void {
    this.#change({ captureLater });
  }

  /** Removes all items; the choice of payment stays. */
  clear(): void {
    const { paymentToken, captureLater } = this.#draft;
    this.#change({ ...blank(), paymentToken, captureLater });
  }

  #change(change: Partial<Draft>): void {
    this.#draft = { ...this.#draft, ...change, idempotencyKey: randomKey() };
    this.#storage.setItem(storageKey, JSON.stringify(this.#draft));
    for (const listener of this.#listeners) listener();
  }
}

/** The idempotency key of one action, such as the retry of one declined payment. It stays the same in this tab. */
export function idempotencyKeyFor(subject: string, storage: Storage = sessionStorage): string {
  const name = `orderwire.key.${subject}`;
  const key = storage.getItem(name) ?? randomKey();
  storage.setItem(name, key);
  return key;
}

/** 128 random bits in hex. crypto.randomUUID exists only in secure contexts, which a LAN address is not. */
export function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

const clamp = (quantity: number) => Math.min(maxQuantity, Math.max(1, Math.trunc(quantity) || 1));

const blank = (): Draft => ({ items: {}, currency: null, paymentToken: '', captureLater: false, idempotencyKey: randomKey() });

function parse(text: string | null): Draft | null {
  try {
    const kept = JSON.parse(text ?? 'null') as Partial<Draft> | null;
    const whole = kept && typeof kept.items === 'object' && typeof kept.idempotencyKey === 'string' && typeof kept.paymentToken === 'string';
    return whole ? { ...blank(), ...kept } : null;
  } catch {
    return null;
  }
}
