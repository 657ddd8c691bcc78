import { fileURLToPath } from 'node:url';
import { expect, test } from './fixtures';

const image = (name: string) => fileURLToPath(new URL(`../../docs/images/${name}.png`, import.meta.url));

test.use({ colorScheme: 'light', viewport: { width: 1120, height: 640 } });

test('the live payment page', async ({ shopper: { page, order } }) => {
  const id = await order();
  await page.goto(`/payment?order=${id}`);
  await expect(page.getByText('Delivered. Enjoy!')).toBeVisible();
  await page.screenshot({ path: image('payment'), animations: 'disabled' });
});
