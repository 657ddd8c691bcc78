import { beforeEach, describe, expect, it } from 'vitest';
import { DraftStore, idempotencyKeyFor } from './draft';

beforeEach(() => sessionStorage.clear());

describe('DraftStore', () => {
  const mug = { id: 'product_mug', currency: 'EUR' };
  const poster = { id: 'product_poster', currency: 'JPY' };

  it('counts pieces of one currency', () => {
    const store = new DraftStore();
    store.add(mug);
    store.add(mug);
    store.add(poster);
    expect(store.state()).toMatchObject({ items: { product_mug: 2 }, currency: 'EUR' });
  });

  it('accepts another currency once it is empty again', () => {
    const store = new DraftStore();
    store.add(mug);
    store.setQuantity(mug.id, 0);
    store.add(poster);
    expect(store.state()).toMatchObject({ items: { product_poster: 1 }, currency: 'JPY' });
  });

  it('keeps quantities between 1 and 999', () => {
    const store = new DraftStore();
    store.add(mug);
    store.setQuantity(mug.id, 5000);
    expect(store.state().items[mug.id]).toBe(999);
  });

  it('keeps its idempotency key over a reload, so that a submit can be repeated', () => {
    const store = new DraftStore();
    store.add(mug);
    expect(new DraftStore().state()).toEqual(store.state());
  });

  it('makes a new key for each change', () => {
    const store = new DraftStore();
    const keys = new Set<string>();
    const note = () => keys.add(store.state().idempotencyKey);
    store.add(mug);
    note();
    store.setQuantity(mug.id, 2);
    note();
    store.setPaymentToken('sim_decline');
    note();
    store.setCaptureLater(true);
    note();
    store.clear();
    note();
    expect(keys.size).toBe(5);
  });

  it('keeps the choice of payment when it is cleared', () => {
    const store = new DraftStore();
    store.add(mug);
    store.setPaymentToken('sim_decline');
    store.setCaptureLater(true);
    store.clear();
    expect(store.state()).toMatchObject({ items: {}, paymentToken: 'sim_decline', captureLater: true });
  });

  it('reads the draft of an older version of the page', () => {
    sessionStorage.setItem('orderwire.draft', JSON.stringify({ items: { product_mug: 2 }, currency: 'EUR', paymentToken: 'sim_approve', idempotencyKey: 'k' }));
    expect(new DraftStore().state()).toMatchObject({ items: { product_mug: 2 }, captureLater: false });
  });
});

describe('idempotencyKeyFor', () => {
  it('is the same for one action and differs between actions', () => {
    expect(idempotencyKeyFor('retry/payment_1')).toBe(idempotencyKeyFor('retry/payment_1'));
    expect(idempotencyKeyFor('retry/payment_1')).not.toBe(idempotencyKeyFor('retry/payment_2'));
    expect(idempotencyKeyFor('retry/payment_1')).toMatch(/^[0-9a-f]{32}$/);
  });
});
