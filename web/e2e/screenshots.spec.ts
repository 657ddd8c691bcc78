import { fileURLToPath } from 'node:url';
import { expect, test } from './fixtures';

const image = (name: string) => fileURLToPath(new URL(`../../docs/images/${name}.png`, import.meta.url));

test.use({ pace: 'undelivered', colorScheme: 'light', viewport: { width: 1120, height: 560 } });

test('the live payment page', async ({ browser, server }) => {
  const page = await browser.newPage({ baseURL: server.url });
  await page.goto('/');
  await page.getByLabel('Signed in as').selectOption('ada');
  await page.getByRole('button', { name: 'Add Highland coffee beans, 250 g' }).click();
  await page.getByRole('button', { name: 'Add Stoneware mug' }).click();
  await page.getByRole('button', { name: 'One more of Stoneware mug' }).click();
  await page.getByRole('link', { name: 'Review order' }).click();
  await page.getByRole('button', { name: 'Order and pay' }).click();
  await expect(page.getByText('Your order is on its way')).toBeVisible();
  await expect(page.getByRole('status', { name: 'Connection' })).toHaveText('Live');
  await page.screenshot({ path: image('payment'), animations: 'disabled' });
  await page.close();
});
