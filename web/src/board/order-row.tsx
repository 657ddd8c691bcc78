import { getFragment, graphql, type FragmentType } from '../gql';
import { formatTime } from '../shared/time';
import { Actions } from '../order/actions';
import { Price } from '../shared/price';
import { OrderBadge, PaymentBadge } from '../order/status';
import { OrderButton } from './order-button';

export const BoardRow = graphql(`
  fragment BoardRow on Order {
    id
    number
    status
    version
    customerId
    createdAt
    updatedAt
    total {
      amount
      amountMinor
      currency
      ...PriceParts
    }
    captured {
      amount
      amountMinor
      currency
    }
    payment {
      id
      status
    }
    ...OrderActions
  }
`);

/** One order on the staff board, with its most common actions. Its number opens the drawer. */
export function BoardOrder({ order, onOpen }: { order: FragmentType<typeof BoardRow>; onOpen: (orderId: string) => void }) {
  const row = getFragment(BoardRow, order);
  return (
    <tr data-order={row.id}>
      <th scope="row">
        <OrderButton id={row.id} number={row.number} onOpen={onOpen} />
      </th>
      <td data-label="Customer">
        <abbr title={row.customerId}>…{row.customerId.slice(-6)}</abbr>
      </td>
      <td data-label="Order">
        <OrderBadge status={row.status} />
      </td>
      <td data-label="Payment">{row.payment ? <PaymentBadge status={row.payment.status} /> : '–'}</td>
      <td data-label="Total" className="number">
        <Price of={row.total} />
      </td>
      <td data-label="Changed">
        <time dateTime={row.updatedAt}>{formatTime(row.updatedAt)}</time>
      </td>
      <td className="board-actions">
        <Actions order={row} only={['DELIVER', 'CANCEL']} />
      </td>
    </tr>
  );
}
