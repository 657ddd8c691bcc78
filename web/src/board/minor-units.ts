/**
 * What a person typed as an amount, in minor units of a currency with so many digits: "12.5" and "12,50" are 1250 with two.
 * Null for anything else, such as more digits than the currency has. Nothing passes through a float.
 */
export function minorUnits(text: string, digits: number): bigint | null {
  const match = /^(\d{1,15})(?:[.,](\d+))?$/.exec(text.trim());
  const fraction = match?.[2] ?? '';
  if (!match || fraction.length > digits) return null;
  return BigInt(match[1]! + fraction.padEnd(digits, '0'));
}
