import { describe, expect, it } from 'vitest';
import { formatMoney, previewTotal } from './money';

const money = (amount: string, amountMinor: string, currency: string) => ({ amount, amountMinor, currency });

describe('formatMoney', () => {
  it.each([
    ['12.50', 'EUR', '€12.50'],
    ['3200', 'JPY', '¥3,200'],
    ['3.750', 'KWD', 'KWD 3.750'],
    ['90071992547409.93', 'USD', '$90,071,992,547,409.93'],
  ])('shows %s %s exactly', (amount, currency, shown) => {
    expect(formatMoney({ amount, currency }, 'en-US')).toBe(shown.replace('KWD ', 'KWD\u00A0'));
  });
});

describe('previewTotal', () => {
  it('adds minor units', () => {
    const items = [
      { price: money('0.10', '10', 'EUR'), quantity: 3 },
      { price: money('12.50', '1250', 'EUR'), quantity: 2 },
    ];
    expect(previewTotal(items)).toEqual(money('25.30', '2530', 'EUR'));
  });

  it.each([
    ['0', money('3200', '3200', 'JPY'), '9600'],
    ['3', money('0.005', '5', 'KWD'), '0.015'],
  ])('keeps the digits of a currency with %s', (_digits, price, amount) => {
    expect(previewTotal([{ price, quantity: 3 }])?.amount).toBe(amount);
  });

  it('stays exact beyond what a float can hold', () => {
    expect(previewTotal([{ price: money('90071992547409.93', '9007199254740993', 'USD'), quantity: 1 }])?.amount).toBe('90071992547409.93');
  });

  it('is null without items and for two currencies', () => {
    expect(previewTotal([])).toBeNull();
    expect(previewTotal([{ price: money('1.00', '100', 'EUR'), quantity: 1 }, { price: money('1', '1', 'JPY'), quantity: 1 }])).toBeNull();
  });
});
