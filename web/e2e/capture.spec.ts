import { expect, stepStates, test } from './fixtures';

test.use({ pace: 'undelivered' });

test('the customer authorizes a payment, and staff capture it later', async ({ signIn }) => {
  const [customer, staff] = [await signIn(), await signIn('STAFF')];
  const { page } = customer;
  await page.goto('/');
  await page.getByRole('button', { name: 'Add Stoneware mug' }).click();
  await page.getByRole('link', { name: 'Review order' }).click();
  await page.getByRole('checkbox', { name: 'Authorize now, capture later' }).check();
  await page.getByRole('button', { name: 'Order and pay' }).click();
  await expect(page.getByText('The payment is authorized.')).toBeVisible();
  expect(await stepStates(page)).toEqual(['initializing: done', 'processing: current', 'outcome: upcoming', 'delivered: upcoming']);

  const id = new URL(page.url()).searchParams.get('order');
  await staff.page.goto(`/board?order=${id}`);
  const dialog = staff.page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Capture' }).click();
  await dialog.getByRole('button', { name: 'Capture payment' }).click();
  await expect.poll(() => stepStates(page), 'the customer’s page follows by itself').toEqual(['initializing: done', 'processing: done', 'outcome: done', 'delivered: current']);
});
