import { describe, expect, it } from 'vitest';
import { retryDelay } from './socket';

describe('retryDelay', () => {
  it('grows from a quarter of a second to half a minute', () => {
    expect([0, 1, 2, 6, 7, 1000].map((retries) => retryDelay(retries, () => 1))).toEqual([250, 500, 1000, 16_000, 30_000, 30_000]);
  });

  it('spreads clients over half of the delay', () => {
    expect(retryDelay(3, () => 0)).toBe(1000);
    expect(retryDelay(3, () => 1)).toBe(2000);
  });
});
