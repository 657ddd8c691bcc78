import { getFragment, graphql, type FragmentType } from '../gql';
import type { ActorKind, EventItemFragment, OrderEventType } from '../gql/graphql';
import { useSession } from '../shared/context';
import { formatTime, formatDateTime } from '../shared/time';
import { Price } from '../shared/price';

export const EventItem = graphql(`
  fragment EventItem on OrderEvent {
    __typename
    id
    type
    version
    occurredAt
    actor {
      kind
    }
    ... on PaymentProcessing {
      paymentId
    }
    ... on PaymentActionRequired {
      paymentId
    }
    ... on PaymentAuthorized {
      paymentId
      amount {
        ...PriceParts
      }
    }
    ... on PaymentCaptured {
      paymentId
      amount {
        ...PriceParts
      }
    }
    ... on PaymentConfirmed {
      paymentId
      amount {
        ...PriceParts
      }
    }
    ... on PaymentDeclined {
      paymentId
      declineCode
    }
    ... on PaymentVoided {
      paymentId
    }
    ... on PaymentExpired {
      paymentId
    }
    ... on RefundCreated {
      amount {
        ...PriceParts
      }
    }
    ... on RefundSucceeded {
      amount {
        ...PriceParts
      }
    }
    ... on RefundFailed {
      reason
      amount {
        ...PriceParts
      }
    }
    ... on DisputeOpened {
      amount {
        ...PriceParts
      }
    }
    ... on DisputeUpdated {
      amount {
        ...PriceParts
      }
    }
    ... on DisputeWon {
      amount {
        ...PriceParts
      }
    }
    ... on DisputeLost {
      amount {
        ...PriceParts
      }
    }
    ... on OrderCancelling {
      cancelReason
    }
    ... on OrderCancelled {
      cancelReason
    }
  }
`);

const words: Record<OrderEventType, string> = {
  ORDER_CREATED: 'Order created',
  PAYMENT_PROCESSING: 'Payment is processing',
  PAYMENT_ACTION_REQUIRED: 'Payment requires an action',
  PAYMENT_AUTHORIZED: 'Payment authorized',
  PAYMENT_CAPTURED: 'A part of the payment was captured',
  PAYMENT_CONFIRMED: 'Payment confirmed',
  PAYMENT_DECLINED: 'Payment declined',
  PAYMENT_VOIDED: 'Payment voided',
  PAYMENT_EXPIRED: 'Payment expired',
  PAYMENT_RETRIED: 'Payment tried again',
  PAYMENT_NEEDS_ATTENTION: 'Payment needs attention by staff',
  ORDER_DELIVERED: 'Order delivered',
  ORDER_CANCELLING: 'Cancelling: the payment is voided or refunded first',
  ORDER_CANCELLED: 'Order cancelled',
  REFUND_CREATED: 'Refund started',
  REFUND_SUCCEEDED: 'Refund succeeded',
  REFUND_FAILED: 'Refund failed',
  DISPUTE_OPENED: 'Payment disputed',
  DISPUTE_UPDATED: 'Dispute changed',
  DISPUTE_WON: 'Dispute won',
  DISPUTE_LOST: 'Dispute lost: the money went back to the customer',
};

/** An event's type in words; the name of a type that this build does not know. */
export const eventWord = (type: OrderEventType): string => words[type] ?? type;

const actors: Record<ActorKind, string> = {
  CUSTOMER: 'by the customer',
  STAFF: 'by staff',
  SYSTEM: 'by Orderwire',
  PROVIDER: 'by the payment provider',
};

/** The history of an order, oldest event first. New events are appended live. */
export function Timeline({ events }: { events: readonly FragmentType<typeof EventItem>[] }) {
  const { session } = useSession();
  const by = (actor: ActorKind) => (actor === 'CUSTOMER' && session?.role === 'CUSTOMER' ? 'by you' : actors[actor]);
  return (
    <ol className="timeline" aria-label="Timeline">
      {getFragment(EventItem, events).map((event) => (
        <li key={event.id} data-event={event.type}>
          <span className="timeline-what">
            {describe(event)}
            {'amount' in event && (
              <>
                {' '}
                <Price of={event.amount} />
              </>
            )}
          </span>
          <span className="timeline-when">
            <time dateTime={event.occurredAt} title={formatDateTime(event.occurredAt)}>
              {formatTime(event.occurredAt)}
            </time>{' '}
            {by(event.actor.kind)} · version {event.version}
          </span>
        </li>
      ))}
    </ol>
  );
}

function describe(event: EventItemFragment): string {
  const text = eventWord(event.type);
  if (event.__typename === 'PaymentDeclined' && event.declineCode) return `${text} (${event.declineCode.replaceAll('_', ' ')})`;
  if (event.__typename === 'RefundFailed' && event.reason) return `${text} (${event.reason})`;
  if (event.__typename === 'OrderCancelling' && event.cancelReason === 'EXPIRED') return `${text}. The order was not paid in time`;
  return text;
}
