import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page } from '@playwright/test';
import { animate, type Frame } from './apng';
import { expect, test } from './fixtures';

const image = (name: string) => fileURLToPath(new URL(`../../docs/images/${name}.png`, import.meta.url));

/** Chooses two things and orders them, as Ada. */
async function buy(page: Page): Promise<void> {
  await page.goto('/');
  await page.getByLabel('Signed in as').selectOption('ada');
  await page.getByRole('button', { name: 'Add Highland coffee beans, 250 g' }).click();
  await page.getByRole('button', { name: 'Add Stoneware mug' }).click();
  await page.getByRole('button', { name: 'One more of Stoneware mug' }).click();
  await page.getByRole('link', { name: 'Review order' }).click();
  await page.getByRole('button', { name: 'Order and pay' }).click();
}

test.describe('a paid order', () => {
  test.use({ pace: 'undelivered', viewport: { width: 1120, height: 560 } });

  test('the live payment page', async ({ browser, server }) => {
    const page = await browser.newPage({ baseURL: server.url });
    await buy(page);
    await expect(page.getByText('Your order is on its way')).toBeVisible();
    await expect(page.getByRole('status', { name: 'Connection' })).toHaveText('Live');
    await page.screenshot({ path: image('payment'), animations: 'disabled' });
    await page.close();
  });
});

test.describe('an order from its start', () => {
  test.use({ pace: 'filmed', viewport: { width: 880, height: 420 }, deviceScaleFactor: 1 });

  test('the walk of a payment', async ({ browser, server, contextOptions }) => {
    const page = await browser.newPage({ ...contextOptions, baseURL: server.url });
    await buy(page);
    const frames: Frame[] = [];
    for (const [step, state] of [['initializing', 'current'], ['processing', 'current'], ['delivered', 'current'], ['delivered', 'done']] as const) {
      await page.locator(`[data-step=${step}][data-state=${state}]`).waitFor(); // oxlint-disable-line no-await-in-loop -- one after the other
      const png = await page.screenshot({ animations: 'disabled' }); // oxlint-disable-line no-await-in-loop
      frames.push({ png, milliseconds: state === 'done' ? 3000 : 1500 });
    }
    writeFileSync(image('order'), animate(frames));
    await page.close();
  });
});
