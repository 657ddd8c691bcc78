import { Link } from 'react-router';
import { getFragment, graphql, type FragmentType } from '../gql';
import { formatClock } from '../shared/time';
import { Actions } from './order-actions';
import { Price } from './price';
import { OrderBadge, PaymentBadge } from './status';

export const BoardRow = graphql(`
  fragment BoardRow on Order {
    id
    number
    status
    version
    customerId
    updatedAt
    total {
      ...PriceParts
    }
    payment {
      id
      status
    }
    ...OrderActions
  }
`);

/** One order on the staff board, with what staff may do to it. */
export function BoardOrder({ order }: { order: FragmentType<typeof BoardRow> }) {
  const row = getFragment(BoardRow, order);
  return (
    <tr data-order={row.id}>
      <th scope="row">
        <Link to={`/order/${row.id}`}>{row.number}</Link>
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
        <time dateTime={row.updatedAt}>{formatClock(row.updatedAt)}</time>
      </td>
      <td className="board-actions">
        <Actions order={row} only={['DELIVER', 'CANCEL']} />
      </td>
    </tr>
  );
}
