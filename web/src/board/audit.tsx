import { graphql } from '../gql';
import { formatDateTime } from '../shared/time';
import { DataTable } from './data-table';
import { usePagedQuery } from './use-paged-query';

const Audit = graphql(`
  query Audit($after: String) {
    auditTrail(first: 50, after: $after) {
      nodes {
        id
        at
        actorId
        action
        subjectId
        detail
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

/** The audit trail: every change that staff made, newest first. */
export function AuditTrail() {
  const { data, table } = usePagedQuery(Audit, {}, ({ auditTrail }) => auditTrail.pageInfo);
  return (
    <DataTable
      title="Audit trail"
      columns={['Time', 'Staff', 'Action', 'Subject', 'Detail']}
      empty="No entries yet"
      hint="Deliveries, captures, refunds and every other action of staff are recorded here."
      {...table}
      rows={data?.auditTrail.nodes.map(({ id, at, actorId, action, subjectId, detail }) => (
        <tr key={id}>
          <td data-label="Time">
            <time dateTime={at}>{formatDateTime(at)}</time>
          </td>
          <td data-label="Staff">
            <abbr title={actorId}>…{actorId.slice(-6)}</abbr>
          </td>
          <th scope="row">{action}</th>
          <td data-label="Subject">{subjectId ? <abbr title={subjectId}>{`${subjectId.split('_')[0]} …${subjectId.slice(-6)}`}</abbr> : '–'}</td>
          <td data-label="Detail">{detail ?? ''}</td>
        </tr>
      ))}
    />
  );
}
