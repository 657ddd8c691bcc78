/** An exact amount as the API sends it: `amount` in the major unit with all its digits, `amountMinor` in minor units. */
export interface MoneyValue {
  readonly amount: string;
  readonly amountMinor: string;
  readonly currency: string;
}

const formats = new Map<string, Intl.NumberFormat>();

/** Formats an amount for the reader's locale, with as many digits as the API sent. It uses no floats. */
export function formatMoney(money: Pick<MoneyValue, 'amount' | 'currency'>, locale?: string): string {
  const digits = fractionDigits(money.amount);
  const name = `${locale ?? ''}/${money.currency}/${digits}`;
  let format = formats.get(name);
  if (!format) {
    format = new Intl.NumberFormat(locale, {
      style: 'currency',
      currency: money.currency,
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    });
    formats.set(name, format);
  }
  return format.format(money.amount as Intl.StringNumericLiteral);
}

/**
 * Computes the total of a draft order for display; the server computes the real one. Returns null if there are no items or the
 * currencies differ.
 */
export function previewTotal(items: readonly { price: MoneyValue; quantity: number }[]): MoneyValue | null {
  const first = items[0];
  if (!first || items.some(({ price }) => price.currency !== first.price.currency)) return null;
  const minor = items.reduce((sum, { price, quantity }) => sum + BigInt(price.amountMinor) * BigInt(quantity), 0n);
  return { amountMinor: minor.toString(), amount: decimal(minor, fractionDigits(first.price.amount)), currency: first.price.currency };
}

function fractionDigits(amount: string): number {
  return amount.split('.')[1]?.length ?? 0;
}

/** Formats minor units with a decimal point: 1230n and 2 digits are 12.30. */
export function decimal(minor: bigint, digits: number): string {
  const sign = minor < 0n ? '-' : '';
  const text = (minor < 0n ? -minor : minor).toString().padStart(digits + 1, '0');
  return digits === 0 ? sign + text : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}
