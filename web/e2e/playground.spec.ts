import { expect, test } from './fixtures';

test('the playground runs a query and a live subscription, offline', async ({ shopper: { page, order } }) => {
  await page.goto('/playground');
  const answer = page.getByRole('region', { name: 'Result' }).or(page.locator('.graphiql-response'));
  await page.getByRole('button', { name: /Execute query/ }).click();
  await expect(answer.first()).toContainText('COFFEE-250');

  await page.getByRole('tab', { name: 'WatchAll' }).click();
  await page.getByRole('button', { name: /Execute query/ }).click();
  await expect(answer.first()).toContainText('SNAPSHOT');
  await order();
  await expect(answer.first()).toContainText('ORDER_DELIVERED');

  // This tab is generated from the server's schema.
  await page.getByRole('tab', { name: 'Viewer', exact: true }).click();
  await page.getByRole('button', { name: /Execute query/ }).click();
  await expect(answer.first()).toContainText('"role": "CUSTOMER"');
});
