/**
 * Parses a typed amount into minor units of a currency with `digits` decimal digits: "12.5" and "12,50" are 1250 with two.
 * Returns null for anything else, such as more digits than the currency has. It uses no floats.
 */
export function minorUnits(text: string, digits: number): bigint | null {
  const match = /^(\d{1,15})(?:[.,](\d+))?$/.exec(text.trim());
  const fraction = match?.[2] ?? '';
  if (!match || fraction.length > digits) return null;
  return BigInt(match[1]! + fraction.padEnd(digits, '0'));
}
