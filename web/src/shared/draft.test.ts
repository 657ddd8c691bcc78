import { beforeEach, describe, expect, it } from 'vitest';
import { DraftStore, keptKey } from './draft';

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

  it('is free for another currency when it is empty again', () => {
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

  it('makes another key for another content', () => {
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

  it('keeps how one pays when it is emptied', () => {
    const store = new DraftStore();
    store.add(mug);
    store.setPaymentToken('sim_decline');
    store.setCaptureLater(true);
    store.clear();
    expect(store.state()).toMatchObject({ items: {}, paymentToken: 'sim_decline', captureLater: true });
  });

  it('reads a draft that an older page has left', () => {
    sessionStorage.setItem('orderwire.draft', JSON.stringify({ items: { product_mug: 2 }, currency: 'EUR', paymentToken: 'sim_approve', idempotencyKey: 'k' }));
    expect(new DraftStore().state()).toMatchObject({ items: { product_mug: 2 }, captureLater: false });
  });
});

describe('keptKey', () => {
  it('is the same for a subject and differs between subjects', () => {
    expect(keptKey('retry/payment_1')).toBe(keptKey('retry/payment_1'));
    expect(keptKey('retry/payment_1')).not.toBe(keptKey('retry/payment_2'));
    expect(keptKey('retry/payment_1')).toMatch(/^[0-9a-f]{32}$/);
  });
});
