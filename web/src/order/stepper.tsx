import { getFragment, graphql, type FragmentType } from '../gql';
import { formatTime } from '../shared/time';
import { paymentSteps, statusMessage, type StepState } from './payment-steps';
import { EventItem } from './timeline';

export const OrderPayment = graphql(`
  fragment OrderPayment on Order {
    status
    expiresAt
    deliversAt
    deliveryHold
    cancelReason
    availableActions
    payment {
      id
      status
      createdAt
      declineCode
      attention
      delayed
      waits
      captured {
        amountMinor
      }
    }
  }
`);

const spoken: Record<StepState, string> = { done: 'done', current: 'in progress', upcoming: 'upcoming', failed: 'failed' };

/** The live progress of the current payment: Initializing, Processing, Confirmed or Declined, Delivered. */
export function Stepper({ order, events }: { order: FragmentType<typeof OrderPayment>; events: readonly FragmentType<typeof EventItem>[] }) {
  const progress = getFragment(OrderPayment, order);
  const history = getFragment(EventItem, events);
  return (
    <section className="stepper-box" aria-label="Payment progress">
      <ol className="stepper">
        {paymentSteps(progress, history).map((step) => (
          <li key={step.key} data-step={step.key} data-state={step.state} aria-current={step.state === 'current' ? 'step' : undefined}>
            <span className="stepper-dot" aria-hidden="true" />
            <span className="stepper-label">
              {step.label}
              <span className="visually-hidden">, {spoken[step.state]}</span>
            </span>
            <span className="stepper-time">{step.at && step.state !== 'upcoming' ? <time dateTime={step.at}>{formatTime(step.at)}</time> : null}</span>
          </li>
        ))}
      </ol>
      <StatusMessage order={order} />
    </section>
  );
}

/** What the order's state means for its customer and what happens next. */
export function StatusMessage({ order }: { order: FragmentType<typeof OrderPayment> }) {
  return (
    <p className="status-message" role="status">
      {statusMessage(getFragment(OrderPayment, order))}
    </p>
  );
}
