import { gzipSync } from 'node:zlib';
import { expect, test } from './fixtures';

/** Kilobytes of gzipped JavaScript that a first visit to the shop may cost. */
const budget = 130;

test('the shop’s first load stays small', async ({ shopper: { page } }) => {
  const scripts = new Map<string, Promise<Buffer>>();
  page.on('response', (response) => {
    if (response.url().endsWith('.js')) scripts.set(response.url(), response.body());
  });
  await page.goto('/');
  await expect(page.getByRole('list', { name: 'Products' })).toBeVisible();
  await page.waitForLoadState('networkidle');
  const sizes = await Promise.all([...scripts.values()].map(async (body) => gzipSync(await body).length));
  const total = sizes.reduce((sum, size) => sum + size, 0) / 1000;
  expect(total).toBeGreaterThan(0);
  expect(total).toBeLessThan(budget);
});
