import { Link } from 'react-router';
import { getFragment, graphql, type FragmentType } from '../gql';
import { formatDateTime } from '../shared/time';
import { Price } from '../shared/price';
import { OrderBadge, PaymentBadge } from './status';

export const OrderRow = graphql(`
  fragment OrderRow on Order {
    id
    version
    number
    status
    createdAt
    lines {
      name
      quantity
    }
    total {
      ...PriceParts
    }
    payment {
      id
      status
    }
  }
`);

/** One order in a list, with a link to its page. */
export function Row({ order }: { order: FragmentType<typeof OrderRow> }) {
  const { id, number, status, createdAt, lines, total, payment } = getFragment(OrderRow, order);
  return (
    <li className="card row" data-order={id}>
      <Link className="row-link" to={`/order/${id}`}>
        {number}
      </Link>
      <span className="row-items">{lines.map((line) => `${line.quantity} × ${line.name}`).join(', ')}</span>
      <time className="row-time" dateTime={createdAt}>
        {formatDateTime(createdAt)}
      </time>
      <span className="row-state">
        {payment && status === 'CREATED' && <PaymentBadge status={payment.status} named />}
        <OrderBadge status={status} />
      </span>
      <Price of={total} />
    </li>
  );
}
