import { useState } from 'react';
import { useQuery } from 'urql';
import { graphql } from '../gql';
import { formatDateTime } from '../shared/time';
import { DataTable } from './data-table';

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

/** What staff did, newest first. */
export function AuditTrail() {
  const [after, setAfter] = useState<string | null>(null);
  const [{ data, error, fetching }, reload] = useQuery({ query: Audit, variables: { after }, requestPolicy: 'cache-and-network' });
  const list = data?.auditTrail;
  return (
    <DataTable
      title="What staff did"
      columns={['When', 'Who', 'What', 'To what', 'Detail']}
      empty="Nothing yet"
      hint="Deliveries, captures, refunds and everything else that staff do are kept here."
      error={error}
      loading={fetching}
      onRefresh={() => (after ? setAfter(null) : reload({ requestPolicy: 'network-only' }))}
      onMore={list?.pageInfo.hasNextPage ? () => setAfter(list.pageInfo.endCursor ?? null) : undefined}
      rows={list?.nodes.map(({ id, at, actorId, action, subjectId, detail }) => (
        <tr key={id}>
          <td data-label="When">
            <time dateTime={at}>{formatDateTime(at)}</time>
          </td>
          <td data-label="Who">
            <abbr title={actorId}>…{actorId.slice(-6)}</abbr>
          </td>
          <th scope="row">{action}</th>
          <td data-label="To what">{subjectId ? <abbr title={subjectId}>{`${subjectId.split('_')[0]} …${subjectId.slice(-6)}`}</abbr> : '–'}</td>
          <td data-label="Detail">{detail ?? ''}</td>
        </tr>
      ))}
    />
  );
}
