import { expect, test } from './fixtures';

test('the products load by pages, are searched by the address, and one order has one currency', async ({ shopper: { page } }) => {
  await page.goto('/');
  const products = page.getByRole('list', { name: 'Products' }).getByRole('listitem');
  await expect(products).toHaveCount(8);
  await page.getByRole('button', { name: 'Show more' }).click();
  await expect(products).toHaveCount(12);
  await expect(products.filter({ hasText: 'Letterpress poster' })).toContainText('¥3,200');
  await expect(products.filter({ hasText: 'Medjool dates' })).toContainText(/KWD\s3\.750/);

  await page.getByRole('button', { name: 'Add Medjool dates, 500 g' }).click();
  await expect(products.filter({ hasText: 'Stoneware mug' })).toContainText('Your order is in KWD');
  await expect(page.getByRole('button', { name: 'Add Stoneware mug' })).toHaveCount(0);

  await page.getByRole('searchbox', { name: 'Search products' }).fill('oud');
  await expect(page).toHaveURL(/q=oud/);
  await expect(products).toHaveCount(1);
  await page.getByRole('button', { name: 'Add Oud incense' }).click();
  await page.getByRole('link', { name: 'Review order' }).click();
  await page.getByRole('button', { name: 'One more of Oud incense' }).click();
  await expect(page.getByText(/Total KWD\s28\.750/)).toBeVisible();
});

test('everything can be done with the keyboard alone', async ({ shopper: { page } }) => {
  await page.goto('/');
  await expect(page.getByRole('button', { name: 'Add Stoneware mug' })).toBeVisible();
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to content' })).toBeFocused();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await expect(page.getByRole('searchbox', { name: 'Search products' })).toBeFocused();
  const add = page.getByRole('button', { name: 'Add Highland coffee beans, 250 g' });
  await page.keyboard.press('Tab');
  await expect(add).toBeFocused();
  const ring = await add.evaluate((button) => getComputedStyle(button).outlineWidth);
  expect(ring, 'the focus is visible').toBe('3px');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('group', { name: 'Quantity of Highland coffee beans, 250 g' })).toContainText('1');
  await page.getByRole('link', { name: 'Review order' }).focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('main')).toBeFocused();
  await page.getByRole('radio', { name: 'Card that is approved' }).focus();
  await page.keyboard.press('ArrowDown');
  await expect(page.getByRole('radio', { name: 'Card that is declined' })).toBeChecked();
  await page.getByRole('button', { name: 'Order and pay' }).focus();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/payment\?order=order_/);
});
