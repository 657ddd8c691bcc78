import { graphql } from '../gql';
import { formatMoney } from '../shared/money';
import { formatDateTime } from '../shared/time';
import { OrderButton } from './order-button';
import { DataTable } from './data-table';
import { usePagedQuery } from './use-paged-query';

const Differences = graphql(`
  query Differences($after: String) {
    reconciliation(first: 50, after: $after) {
      nodes {
        payment {
          id
          order {
            id
            version
            number
          }
        }
        expected {
          amount
          currency
        }
        atProvider {
          amount
          currency
        }
        detectedAt
        resolvedAt
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

/** Payments whose records here and at the provider differ or differed. */
export function DifferenceList({ onOpen }: { onOpen: (orderId: string) => void }) {
  const { data, table } = usePagedQuery(Differences, {}, ({ reconciliation }) => reconciliation.pageInfo);
  return (
    <DataTable
      title="Differences from the provider"
      columns={['Order', 'Our records', 'Provider’s records', 'Found', 'State']}
      empty="No differences"
      hint="Payments are compared with the provider’s records continuously. A difference stays listed here, as resolved once it is settled."
      {...table}
      rows={data?.reconciliation.nodes.map(({ payment, expected, atProvider, detectedAt, resolvedAt }) => (
        <tr key={`${payment.id}/${detectedAt}`}>
          <th scope="row">
            <OrderButton id={payment.order.id} number={payment.order.number} onOpen={onOpen} />
          </th>
          <td data-label="Our records" className="price">
            {formatMoney(expected)}
          </td>
          <td data-label="Provider’s records" className="price">
            {formatMoney(atProvider)}
          </td>
          <td data-label="Found">
            <time dateTime={detectedAt}>{formatDateTime(detectedAt)}</time>
          </td>
          <td data-label="State">{resolvedAt ? <span className="badge badge-good">Resolved</span> : <span className="badge badge-bad">Open</span>}</td>
        </tr>
      ))}
    />
  );
}
