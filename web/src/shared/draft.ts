/** An order that is being put together in this tab. It survives reloads, so a submit whose answer was lost is repeated safely. */
export interface Draft {
  /** Product id → quantity, 1 to 999, in the order they were added. */
  readonly items: Readonly<Record<string, number>>;
  /** The currency of the first item; an order has one. Null while it is empty. */
  readonly currency: string | null;
  readonly paymentToken: string;
  /** Whether the money is only held at first, until staff take it. */
  readonly captureLater: boolean;
  /** The key of every attempt to submit exactly this content; another content gets another. */
  readonly idempotencyKey: string;
}

const storageKey = 'orderwire.draft';
export const maxQuantity = 999;
export const maxItems = 100;

/** The draft of one tab, an external store for React. Every change makes a new idempotency key. */
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

  /** Adds one piece. A product in another currency than the draft's is not added: the caller says so beforehand. */
  add(product: { id: string; currency: string }): void {
    const { items, currency } = this.#draft;
    if (currency !== null && currency !== product.currency) return;
    this.#change({ items: { ...items, [product.id]: clamp((items[product.id] ?? 0) + 1) }, currency: product.currency });
  }

  /** Sets how many; zero takes the item out. */
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

  /** Takes everything out; how one pays stays as it was chosen. */
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

/** A key that stays the same for a subject in this tab until it is used up, such as the retry of one declined payment. */
export function keptKey(subject: string, storage: Storage = sessionStorage): string {
  const name = `orderwire.key.${subject}`;
  const key = storage.getItem(name) ?? randomKey();
  storage.setItem(name, key);
  return key;
}

/** 122 random bits. crypto.randomUUID exists only in secure contexts, and a shop on a LAN address is none. */
export function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

const clamp = (quantity: number) => Math.min(maxQuantity, Math.max(1, Math.trunc(quantity) || 1));

const blank = (): Draft => ({ items: {}, currency: null, paymentToken: 'sim_approve', captureLater: false, idempotencyKey: randomKey() });

function parse(text: string | null): Draft | null {
  try {
    const kept = JSON.parse(text ?? 'null') as Partial<Draft> | null;
    const whole = kept && typeof kept.items === 'object' && typeof kept.idempotencyKey === 'string' && typeof kept.paymentToken === 'string';
    return whole ? { ...blank(), ...kept } : null;
  } catch {
    return null;
  }
}
