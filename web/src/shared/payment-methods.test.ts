import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { methodOr, paymentMethods } from './payment-methods';
import { defaultSettings } from './settings';

const tokens = (settings = defaultSettings) => paymentMethods(settings).map(({ token }) => token);

describe('paymentMethods', () => {
  it('offers every outcome that the simulated provider knows', () => {
    const documented = [...readFileSync('../docs/simulated.md', 'utf8').matchAll(/^\| `(sim_\w+)` \|/gm)].map(([, token]) => token);
    expect(documented.length).toBeGreaterThan(0);
    expect(tokens().toSorted()).toEqual(documented.toSorted());
  });

  it('offers Stripe only what Stripe takes, and nothing where cards are real', () => {
    expect(tokens({ ...defaultSettings, payments: 'stripe' }).every((token) => token.startsWith('pm_'))).toBe(true);
    expect(tokens({ ...defaultSettings, payments: 'stripe', testMoney: false })).toEqual([]);
  });

  it('falls back to the first when the chosen one is not offered here', () => {
    const stripe = paymentMethods({ ...defaultSettings, payments: 'stripe' });
    expect(methodOr(stripe, 'sim_decline')?.token).toBe('pm_card_visa');
    expect(methodOr(stripe, 'pm_card_authenticationRequired')?.token).toBe('pm_card_authenticationRequired');
    expect(methodOr([], 'sim_decline')).toBeUndefined();
  });
});
