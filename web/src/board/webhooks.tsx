import { useState } from 'react';
import { useMutation } from 'urql';
import { FilterChip } from '../shared/filter-chip';
import { Failure, Refusals } from '../shared/states';
import { eventWord } from '../order/timeline';
import { getFragment, graphql, type FragmentType } from '../gql';
import type { WebhookDeliveryStatus } from '../gql/graphql';
import { formatTime } from '../shared/time';
import { DataTable } from './data-table';
import { usePagedQuery } from './use-paged-query';

const DeliveryRow = graphql(`
  fragment DeliveryRow on WebhookDelivery {
    id
    eventType
    status
    attempts
    responseStatus
    nextAttemptAt
    lastAttemptAt
    createdAt
    endpoint {
      id
      url
    }
  }
`);

const Webhooks = graphql(`
  query Webhooks($status: WebhookDeliveryStatus, $after: String) {
    webhookEndpoints(first: 50) {
      nodes {
        id
        url
        description
        enabled
        disabledReason
        eventTypes
      }
    }
    webhookDeliveries(first: 50, after: $after, status: $status) {
      nodes {
        id
        ...DeliveryRow
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

const Redeliver = graphql(`
  mutation WebhookRedeliver($input: WebhookRedeliverInput!) {
    webhookRedeliver(input: $input) {
      delivery {
        id
        ...DeliveryRow
      }
      userErrors {
        message
      }
    }
  }
`);

const words: Record<WebhookDeliveryStatus, [string, string]> = {
  PENDING: ['Pending', 'active'],
  DELIVERED: ['Delivered', 'good'],
  FAILED: ['Failed', 'bad'],
};

/** The webhook endpoints and their deliveries. */
export function WebhookList() {
  const [status, setStatus] = useState<WebhookDeliveryStatus | null>(null);
  const { data, reset, table } = usePagedQuery(Webhooks, { status }, ({ webhookDeliveries }) => webhookDeliveries.pageInfo);
  const choose = (chosen: WebhookDeliveryStatus | null) => {
    setStatus(chosen);
    reset();
  };
  return (
    <div className="stack">
      <DataTable
        title="Endpoints"
        columns={['URL', 'Events', 'State']}
        empty="No endpoints yet"
        hint="Create one with the mutation webhookEndpointCreate; the playground has it in a tab."
        error={undefined}
        loading={table.loading}
        onRefresh={table.onRefresh}
        rows={
          table.error
            ? []
            : data?.webhookEndpoints.nodes.map(({ id, url, description, enabled, disabledReason, eventTypes }) => (
                <tr key={id}>
                  <th scope="row" className="wrap">
                    {url}
                    {description && <small> {description}</small>}
                  </th>
                  <td data-label="Events">{eventTypes.length === 0 ? 'All' : eventTypes.map(eventWord).join(', ')}</td>
                  <td data-label="State">
                    {enabled ? <span className="badge badge-good">Enabled</span> : <span className="badge">Disabled</span>} {disabledReason}
                  </td>
                </tr>
              ))
        }
      />
      <div className="chips" role="group" aria-label="Deliveries in state">
        {([null, 'PENDING', 'DELIVERED', 'FAILED'] as const).map((one) => (
          <FilterChip key={one} pressed={status === one} onPress={() => choose(one)}>
            {one ? words[one][0] : 'All'}
          </FilterChip>
        ))}
      </div>
      <DataTable
        title="Deliveries"
        columns={['Event', 'Endpoint', 'State', 'Attempts', 'Last attempt', '']}
        empty="No deliveries yet"
        hint="Each event is sent to every endpoint that subscribes to its type, and is listed here."
        {...table}
        rows={data?.webhookDeliveries.nodes.map((delivery) => (
          <Delivery key={delivery.id} delivery={delivery} />
        ))}
      />
    </div>
  );
}

function Delivery({ delivery }: { delivery: FragmentType<typeof DeliveryRow> }) {
  const { id, eventType, status, attempts, responseStatus, nextAttemptAt, lastAttemptAt, endpoint } = getFragment(DeliveryRow, delivery);
  const [{ data, error, fetching }, redeliver] = useMutation(Redeliver);
  return (
    <tr data-delivery={status}>
      <th scope="row">{eventWord(eventType)}</th>
      <td data-label="Endpoint" className="wrap">
        {endpoint.url}
      </td>
      <td data-label="State">
        <span className={`badge badge-${words[status][1]}`}>{words[status][0]}</span> {responseStatus ?? ''}
      </td>
      <td data-label="Attempts">
        {attempts}
        {nextAttemptAt && <small> next {formatTime(nextAttemptAt)}</small>}
      </td>
      <td data-label="Last attempt">{lastAttemptAt ? <time dateTime={lastAttemptAt}>{formatTime(lastAttemptAt)}</time> : '–'}</td>
      <td className="board-actions">
        <button type="button" className="quiet" disabled={fetching} onClick={() => void redeliver({ input: { deliveryId: id } })}>
          Send again
        </button>
        {error && <Failure error={error} acted />}
        <Refusals errors={data?.webhookRedeliver.userErrors ?? []} />
      </td>
    </tr>
  );
}
