import type { Page } from '@playwright/test';
import { expect, test, withServer } from './fixtures';

// What the server refuses is told in words for people, and nothing is lost by it. The browser itself reports the statuses.
test.use({ expectedErrors: /status of (400|429|503)/ });

const draft = (page: Page) => page.evaluate(() => sessionStorage.getItem('orderwire.draft'));

async function fill(page: Page): Promise<void> {
  await page.goto('/');
  await page.getByRole('button', { name: /^Add/ }).first().click();
  await page.getByRole('link', { name: 'Review order' }).click();
}

const pace = { payment: '100ms', delivery: '1h' };

withServer(pace, { ATTEMPTS_PER_CUSTOMER: '1', MAX_PAYMENTS_PER_ORDER: '2' })('attempts to pay that are too many', async ({ shopper: { page, order } }) => {
  const id = await order('sim_decline');
  await page.goto(`/payment?order=${id}`);
  await page.getByRole('button', { name: 'Pay again' }).click();
  await expect(page.getByRole('alert')).toContainText(/Too many of your payments were declined.*Try again in/);
  await fill(page);
  const before = await draft(page);
  await page.getByRole('button', { name: 'Order and pay' }).click();
  await expect(page.getByRole('alert')).toContainText('Too many of your payments were declined');
  expect(await draft(page), 'the draft and its key').toBe(before);
});

withServer(pace, { MAX_PAYMENTS_PER_ORDER: '1' })('an order that takes no more payments', async ({ shopper: { page, order } }) => {
  await page.goto(`/payment?order=${await order('sim_decline')}`);
  await expect(page.getByText('cancel it and place a new one')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Pay again' })).toHaveCount(0);
});

withServer(pace, { ORDER_EXPIRY: '1s' })('an order that was not paid in time', async ({ shopper: { page, order } }) => {
  await page.goto(`/payment?order=${await order('sim_decline')}`);
  await expect(page.getByText('not paid in time and is cancelled')).toBeVisible();
});

withServer(pace, { MAX_COST: '5000' })('a page that costs more than the server allows', async ({ shopper: { page } }) => {
  await page.goto('/order');
  await expect(page.getByRole('alert')).toContainText('has to raise MAX_COST');
  await expect(page.getByRole('button', { name: 'Try again' })).toHaveCount(0);
});

test('a search that is too long', async ({ shopper: { page } }) => {
  await page.goto(`/?q=${'x'.repeat(101)}`);
  await expect(page.getByText('at most 100 are allowed')).toBeVisible();
  await page.getByRole('button', { name: 'Show all products' }).click();
  await expect(page.getByRole('list', { name: 'Products' }).getByRole('listitem').first()).toBeVisible();
});
