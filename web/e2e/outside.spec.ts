import { checkPage } from './check-page';
import { expect, test, timeline, type Shopper } from './fixtures';

test.use({ pace: 'undelivered' });

/** What arrives in an open drawer moves what is below it. */
const moves = Infinity;

/** Acts on an order's payment as somebody does at the payment provider: its merchant, a bank or the customer there. */
async function act(staff: Shopper, order: string, what: string, amountMinor?: number): Promise<void> {
  const { payment } = (await staff.send<{ order: { payment: { id: string } } }>('query($id: ID!) { order(id: $id) { payment { id } } }', { id: order })).order;
  const answer = await staff.page.request.post('/simulated/dashboard', {
    headers: { authorization: `Bearer ${staff.token}` },
    data: { paymentId: payment.id, act: what, amountMinor },
  });
  expect(answer.status(), await answer.text()).toBe(200);
}

test('a refund in the provider’s dashboard appears live, and holds the delivery', async ({ signIn }) => {
  const [customer, staff] = [await signIn(), await signIn('STAFF')];
  const id = await customer.order();
  await customer.page.goto(`/order/${id}`);
  await staff.page.goto(`/board?order=${id}`);
  const dialog = staff.page.getByRole('dialog');
  await expect(dialog.getByRole('listitem').filter({ hasText: 'Payment confirmed' })).toBeVisible();
  await act(staff, id, 'refund', 500);
  await expect(dialog.locator('[data-refund=SUCCEEDED]')).toContainText('€5.00');
  await expect(dialog.getByText('Money of the order was refunded')).toBeVisible();
  await expect(customer.page.getByText('Paid, then refunded in part or in full.')).toBeVisible();
  await expect(customer.page.getByRole('listitem').filter({ hasText: 'Refund succeeded' })).toContainText('by the payment provider');
  await checkPage(staff.page, 'the drawer with a refund of the provider', 'html', moves);
  await dialog.getByRole('button', { name: 'Deliver all the same' }).click();
  await staff.page.getByRole('alertdialog').getByRole('button', { name: 'Yes, deliver it' }).click();
  await expect.poll(() => timeline(customer.page)).toContain('ORDER_DELIVERED');
});

test('a dispute appears live, refuses refunds, and is won', async ({ signIn }) => {
  const [customer, staff] = [await signIn(), await signIn('STAFF')];
  const id = await customer.order();
  await customer.page.goto(`/order/${id}`);
  await staff.page.goto(`/board?order=${id}`);
  const dialog = staff.page.getByRole('dialog');
  const disputes = dialog.getByRole('region', { name: 'Disputes' });
  await expect(dialog.getByRole('button', { name: 'Refund' })).toBeVisible();
  await act(staff, id, 'dispute');
  await expect(disputes).toContainText('Needs a response');
  await expect(disputes).toContainText('€18.00');
  await expect(dialog.getByRole('button', { name: 'Refund' }), 'the money is withdrawn').toBeHidden();
  await expect(customer.page.getByText('The payment is disputed.')).toBeVisible();
  await checkPage(staff.page, 'the drawer with a dispute', 'html', moves);
  await checkPage(customer.page, 'an order with a dispute');
  await act(staff, id, 'review');
  await expect(disputes).toContainText('Under review');
  await act(staff, id, 'win');
  await expect(disputes).toContainText('Won');
  await expect(customer.page.getByText('The payment is disputed.')).toBeHidden();
  await expect.poll(() => timeline(customer.page)).toContain('DISPUTE_WON');
});

test('a bank debit says that the bank takes its time, until the bank has decided', async ({ signIn }) => {
  const [customer, staff] = [await signIn(), await signIn('STAFF')];
  const id = await customer.order('sim_delayed');
  const { page } = customer;
  await page.goto(`/payment?order=${id}`);
  await expect(page.getByText('Your bank takes its time')).toBeVisible();
  await checkPage(page, 'a payment that the bank decides later');
  await act(staff, id, 'confirm');
  await expect(page.getByText(/^Paid\./)).toBeVisible();
});
