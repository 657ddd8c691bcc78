import { graphql } from '../gql';
import type { OrphanedChargeStatus } from '../gql/graphql';
import { formatMoney } from '../shared/money';
import { formatDateTime } from '../shared/time';
import { DataTable } from './data-table';
import { usePagedQuery } from './use-paged-query';

const Orphans = graphql(`
  query Orphans($after: String) {
    orphanedCharges(first: 50, after: $after) {
      nodes {
        provider
        reference
        orderId
        amount {
          amount
          currency
        }
        refunded {
          amount
          amountMinor
          currency
        }
        status
        chargedAt
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

const words: Record<OrphanedChargeStatus, string> = {
  PENDING: 'Pending',
  AUTHORIZED: 'Authorized',
  CAPTURED: 'Captured',
  REFUNDED: 'Refunded',
  RELEASED: 'Released',
};

/** Charges at the provider whose orders are missing here, such as after a restore. */
export function OrphanList() {
  const { data, table } = usePagedQuery(Orphans, {}, ({ orphanedCharges }) => orphanedCharges.pageInfo);
  return (
    <DataTable
      title="Charges without an order"
      columns={['Charge', 'Missing order', 'Amount', 'At the provider', 'Charged']}
      empty="No charges without an order"
      hint="Charges at the provider whose orders are missing here, such as after a restore, are listed here."
      advice="Look up each charge at the provider by its reference. Refund or void it there, or deliver the goods and settle with the customer yourself. A charge leaves the list at the next check after it was refunded or voided."
      {...table}
      rows={data?.orphanedCharges.nodes.map(({ provider, reference, orderId, amount, refunded, status, chargedAt }) => (
        <tr key={`${provider}/${reference}`}>
          <th scope="row">
            <code>{reference}</code>
          </th>
          <td data-label="Missing order">
            <code>{orderId}</code>
          </td>
          <td data-label="Amount" className="price">
            {formatMoney(amount)}
          </td>
          <td data-label="At the provider">
            {words[status]}
            {status === 'CAPTURED' && refunded.amountMinor !== '0' && `, ${formatMoney(refunded)} refunded`}
          </td>
          <td data-label="Charged">
            <time dateTime={chargedAt}>{formatDateTime(chargedAt)}</time>
          </td>
        </tr>
      ))}
    />
  );
}
