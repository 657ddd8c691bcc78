import { useState } from 'react';
import { useMutation } from 'urql';
import { FilterChip } from '../shared/filter-chip';
import { Failure, Refusals } from '../shared/states';
import { eventWord } from '../order/timeline';
import { getFragment, graphql, type FragmentType } from '../gql';
import type { WebhookDeliveryStatus } from '../gql/graphql';
import { formatDateTime, formatTime } from '../shared/time';
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

const EndpointRow = graphql(`
  fragment EndpointRow on WebhookEndpoint {
    id
    url
    description
    enabled
    disabledReason
    eventTypes
    failingSince
    pausedUntil
    replay {
      total
      done
      finishedAt
    }
  }
`);

const Webhooks = graphql(`
  query Webhooks($status: WebhookDeliveryStatus, $after: String) {
    webhookEndpoints(first: 50) {
      nodes {
        id
        ...EndpointRow
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

const EnableEndpoint = graphql(`
  mutation WebhookEndpointEnable($input: WebhookEndpointUpdateInput!) {
    webhookEndpointUpdate(input: $input) {
      endpoint {
        id
        ...EndpointRow
      }
      userErrors {
        message
      }
    }
  }
`);

const TestEndpoint = graphql(`
  mutation WebhookEndpointTest($input: WebhookEndpointTestInput!) {
    webhookEndpointTest(input: $input) {
      delivered
      responseStatus
      problem
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
        columns={['URL', 'Events', 'State', '']}
        empty="No endpoints yet"
        hint="Create one with the mutation webhookEndpointCreate; the playground has it in a tab."
        error={undefined}
        loading={table.loading}
        onRefresh={table.onRefresh}
        rows={
          table.error
            ? []
            : data?.webhookEndpoints.nodes.map((endpoint) => <Endpoint key={endpoint.id} endpoint={endpoint} />)
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

function Endpoint({ endpoint }: { endpoint: FragmentType<typeof EndpointRow> }) {
  const { id, url, description, enabled, disabledReason, eventTypes, failingSince, pausedUntil, replay } = getFragment(EndpointRow, endpoint);
  const [tested, test] = useMutation(TestEndpoint);
  const [enabling, enable] = useMutation(EnableEndpoint);
  const result = tested.data?.webhookEndpointTest;
  const error = tested.error ?? enabling.error;
  return (
    <tr>
      <th scope="row" className="wrap">
        {url}
        {description && <small> {description}</small>}
      </th>
      <td data-label="Events">{eventTypes.length === 0 ? 'All' : eventTypes.map(eventWord).join(', ')}</td>
      <td data-label="State">
        {enabled ? <span className="badge badge-good">Enabled</span> : <span className="badge">Disabled</span>} {disabledReason}
        {enabled && failingSince && <small> failing since {formatDateTime(failingSince)}</small>}
        {enabled && failingSince && pausedUntil && <small> throttled until {formatDateTime(pausedUntil)}</small>}
        {replay && !replay.finishedAt && (
          <small>
            {' '}
            replayed {replay.done} of {replay.total} events
          </small>
        )}
      </td>
      <td className="board-actions">
        <button type="button" className="quiet" disabled={tested.fetching} onClick={() => void test({ input: { endpointId: id } })}>
          Send test event
        </button>
        {!enabled && (
          <button type="button" className="quiet" disabled={enabling.fetching} onClick={() => void enable({ input: { endpointId: id, enabled: true } })}>
            Enable
          </button>
        )}
        {result && <small role="status">{result.problem ?? (result.delivered ? 'The receiver took the test event.' : `The receiver answered ${result.responseStatus}.`)}</small>}
        {error && <Failure error={error} acted />}
        <Refusals errors={[...(result?.userErrors ?? []), ...(enabling.data?.webhookEndpointUpdate.userErrors ?? [])]} />
      </td>
    </tr>
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
