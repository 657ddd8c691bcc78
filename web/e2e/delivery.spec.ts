import { delivered, expect, stepStates, withServer } from './fixtures';

withServer({ payment: '100ms', delivery: '0s' }, { DELIVERY: 'manual' })('a paid order waits until staff have sent it', async ({ signIn }) => {
  const [{ page, order }, staff] = [await signIn(), await signIn('STAFF')];
  const id = await order();
  await page.goto(`/payment?order=${id}`);
  await expect(page.getByText('Paid. Your order waits to be sent.')).toBeVisible();
  expect(await stepStates(page)).toEqual(['initializing: done', 'processing: done', 'outcome: done', 'delivered: current']);

  await staff.page.goto(`/board?order=${id}`);
  const dialog = staff.page.getByRole('dialog');
  await expect(dialog.getByText('Waits to be sent')).toBeVisible();
  await dialog.getByRole('button', { name: 'Deliver now' }).click();
  await expect(page.getByText('Delivered. Enjoy!')).toBeVisible();
  expect(await stepStates(page)).toEqual(delivered);
  await expect(dialog.getByText('Waits to be sent')).toHaveCount(0);
});
